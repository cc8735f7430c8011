import { float, type GraphBuilder } from '../builder.ts';
import { ELEMENT_CODES } from '../element-types.ts';
import type { Node } from '../graph.ts';
import { fail } from '../shapes/operands.ts';

/** What a rule may ask for while it appends the backward pass of a node. */
export interface RuleContext {
  /** The graph, to append to. */
  readonly builder: GraphBuilder;
  /** Whether the gradient with respect to this input is wanted: weights and constants need none. */
  needs(input: number): boolean;
  /** Whether the gradients of the outputs may be infinite or NaN where nothing is wrong, see `isSteep`: masks then select. */
  readonly selects?: boolean;
}

/**
 * Appends the nodes that take the gradients of a node's outputs (undefined: nothing downstream depends on that output)
 * to those of its inputs, each of the shape of what it belongs to. Undefined for inputs that need none.
 */
export type GradientRule = (
  context: RuleContext,
  node: Node,
  outputGradients: readonly (string | undefined)[],
) => readonly (string | undefined)[];

/** Rules by op of the standard domain. */
export type GradientTable = Readonly<Record<string, GradientRule>>;

/** A node seen from one of its inputs, with the arithmetic to write the formula of its gradient. */
export interface RuleSite extends Arithmetic {
  /** The graph, to append to. */
  readonly builder: GraphBuilder;
  /** The node that is differentiated. */
  readonly node: Node;
  /** The input that is differentiated: its position and name. */
  readonly index: number;
  /** Name of that input. */
  readonly x: string;
  /** Names of all inputs of the node. */
  readonly inputs: readonly string[];
  /** The first output and its gradient. */
  readonly y: string;
  /** Name of the gradient of the first output. */
  readonly dy: string;
}

/** The gradient with respect to one input of a node, by name. */
export type InputRule = (site: RuleSite) => string;

/** The rule of an op that is differentiated through its first output only: one formula for each input. */
export function perInput(...rules: readonly InputRule[]): GradientRule {
  return formulas((node, index) => rules[index] ?? fail(node, `no gradient rule for its input ${index}`));
}

/** As `perInput`, with one formula for all inputs; `site.index` tells them apart. */
export function eachInput(rule: InputRule): GradientRule {
  return formulas(() => rule);
}

function formulas(ruleOf: (node: Node, index: number) => InputRule): GradientRule {
  return ({ builder, needs, selects = false }, node, [dy, ...others]) => {
    if (dy === undefined || others.some((gradient) => gradient !== undefined)) {
      fail(node, 'no gradient rule through its outputs after the first');
    }
    const shared = { ...arithmetic(builder, selects), builder, node, inputs: node.inputs, y: node.outputs[0]!, dy };
    return node.inputs.map((x, index) => (needs(index) ? ruleOf(node, index)({ ...shared, x, index }) : undefined));
  };
}

/** A value by its name, or a number. */
export type Operand = string | number;

/** Formulas on the values of a graph: each call appends its nodes and returns the name of the result. */
export type Arithmetic = ReturnType<typeof arithmetic>;

/** The smallest normal float32: what a divisor is kept above. */
const TINY = 2 ** -126;
/** Takes every normal float32 to 1 or beyond; overflow is fine, since HardSigmoid cuts off at 1. */
const STEEP = 2 ** 126;
/** As steep as leaves room for a bound; a power of two, so that scaling a value and its bound by it rounds neither. */
const STEEP_FROM_BOUND = 2 ** 100;

export function arithmetic(builder: GraphBuilder, selects: boolean) {
  const named = (operand: Operand) => (typeof operand === 'number' ? builder.constant(operand) : operand);
  const unary = (op: string) => (value: Operand) => builder.op(op, [named(value)]);
  const binary = (op: string) => (a: Operand, b: Operand) => builder.op(op, [named(a), named(b)]);
  const [add, sub, mul, div] = [binary('Add'), binary('Sub'), binary('Mul'), binary('Div')];
  const max = binary('Max');
  /** clip(slope * value + offset, 0, 1): with a steep slope the fastest 0/1 mask there is, and it stays in Conv's blocked layout. */
  const hardSigmoid = (value: Operand, slope: number, offset: number) =>
    builder.op('HardSigmoid', [named(value)], { alpha: float(slope), beta: float(offset) });

  /** 1 where value > 0, else 0. */
  const positive = (value: Operand) => hardSigmoid(value, STEEP, 0);
  /**
   * `product`, of `mask` and another factor: 0 where the mask is 0, even if the other factor is infinite or NaN. Where leaves
   * Conv's blocked layout, so it is written only where that can be (`RuleContext.selects`).
   */
  const selected = (mask: string, product: string) =>
    selects
      ? builder.op('Where', [builder.op('Cast', [mask], { to: ELEMENT_CODES.bool }), product, builder.constant(0)])
      : product;
  /** dy times a slope that is 0 where nothing is to pass. */
  const masked = (dy: string, slope: string) => selected(slope, mul(dy, slope));
  return {
    add,
    sub,
    mul,
    div,
    max,
    min: binary('Min'),
    abs: unary('Abs'),
    sign: unary('Sign'),
    neg: unary('Neg'),
    exp: unary('Exp'),
    log: unary('Log'),
    sin: unary('Sin'),
    cos: unary('Cos'),
    sinh: unary('Sinh'),
    cosh: unary('Cosh'),
    erf: unary('Erf'),
    tanh: unary('Tanh'),
    sqrt: unary('Sqrt'),
    sigmoid: unary('Sigmoid'),
    softplus: unary('Softplus'),
    pow: binary('Pow'),
    hardSigmoid,
    positive,
    selected,
    masked,
    /** 1 where value < bound, else 0. */
    below: (value: Operand, bound: number) => hardSigmoid(value, -STEEP_FROM_BOUND, bound * STEEP_FROM_BOUND),
    square: (value: string) => mul(value, value),
    /** 1 where a equals b, else 0. */
    same: (a: Operand, b: Operand) =>
      builder.op('Cast', [builder.op('Equal', [named(a), named(b)])], { to: ELEMENT_CODES.float32 }),
    /** `high` where value > 0, else `low`. */
    step: (value: string, low: number, high: number) =>
      low === high ? named(low) : add(mul(positive(value), high - low), low),
    /** 1 / value for value >= 0, and 0 instead of infinity at 0. */
    reciprocalOrZero: (value: string) => div(positive(value), max(value, TINY)),
    /** Sum of some values of one shape, or that broadcast to one. */
    total: (values: readonly [string, ...string[]]) => values.reduce((sum, value) => add(sum, value)),
  };
}
