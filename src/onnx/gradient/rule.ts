import type { GraphBuilder } from '../builder.ts';
import type { Node } from '../graph.ts';
import { fail } from '../shapes/operands.ts';
import { type Arithmetic, arithmetic } from './arithmetic.ts';

/** What a rule may ask for while it appends the backward pass of a node. */
export interface RuleContext {
  readonly builder: GraphBuilder;
  /** Whether the gradient with respect to this input is wanted: weights and constants need none. */
  needs(input: number): boolean;
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

export type GradientTable = Readonly<Record<string, GradientRule>>;

/** A node seen from one of its inputs, with the arithmetic to write the formula of its gradient. */
export interface Site extends Arithmetic {
  readonly builder: GraphBuilder;
  readonly node: Node;
  /** The input that is differentiated: its position and name. */
  readonly index: number;
  readonly x: string;
  readonly inputs: readonly string[];
  /** The first output and its gradient. */
  readonly y: string;
  readonly dy: string;
}

/** The gradient with respect to one input of a node, by name. */
export type InputRule = (site: Site) => string;

/** The rule of an op that is differentiated through its first output only: one formula for each input. */
export function perInput(...rules: readonly InputRule[]): GradientRule {
  return formulas((node, index) => rules[index] ?? fail(node, `no gradient rule for its input ${index}`));
}

/** As `perInput`, with one formula for all inputs; `site.index` tells them apart. */
export function eachInput(rule: InputRule): GradientRule {
  return formulas(() => rule);
}

function formulas(ruleOf: (node: Node, index: number) => InputRule): GradientRule {
  return ({ builder, needs }, node, [dy, ...others]) => {
    if (dy === undefined || others.some((gradient) => gradient !== undefined)) {
      fail(node, 'no gradient rule through its outputs after the first');
    }
    const shared = { ...arithmetic(builder), builder, node, inputs: node.inputs, y: node.outputs[0]!, dy };
    return node.inputs.map((x, index) => (needs(index) ? ruleOf(node, index)({ ...shared, x, index }) : undefined));
  };
}
