import type { ElementType } from '../../numeric/tensor.ts';
import { type Dim, intOf, isBatch, type Node } from '../graph.ts';
import { add, compare, divide, multiply, subtract } from './dims.ts';
import type { Evaluator } from './operands.ts';
import { broadcastEntries, mapped, positions, stridesOf } from './positions.ts';

/** Evaluators of ops that compute. Numbers are computed in float64 and rounded once, to the type of the output. */

type Compute = (a: Dim, b: Dim, type: ElementType, node: Node) => Dim | undefined;

const FLOATS: ReadonlySet<ElementType> = new Set(['float32', 'float64']);

function quotient(a: Dim, b: Dim, type: ElementType): Dim | undefined {
  if (isBatch(a) || isBatch(b)) return divide(a, b);
  if (FLOATS.has(type)) return a / b;
  return b === 0 ? undefined : Math.trunc(a / b);
}

/** Takes the sign of the divisor for integers (fmod 0), of the dividend for floats (fmod 1). */
function remainder(a: Dim, b: Dim, _: ElementType, node: Node): Dim | undefined {
  if (isBatch(a) || isBatch(b)) return divide(a, b) === undefined ? undefined : 0;
  if (intOf(node, 'fmod', 0) === 1) return a % b;
  return b === 0 ? undefined : a - Math.floor(a / b) * b;
}

function onNumbers(compute: (a: number, b: number) => number): Compute {
  return (a, b) => (isBatch(a) || isBatch(b) ? undefined : compute(a, b));
}

/** 1 or 0 by the order of a and b, where it is the same for every batch size. */
function ordered(holds: (order: number) => boolean): Compute {
  return (a, b) => {
    if (Number.isNaN(a) || Number.isNaN(b)) return 0;
    const order = compare(a, b);
    return order === undefined ? undefined : Number(holds(order));
  };
}

/** The larger or the smaller one; NaN where one is NaN. */
function chosen(first: (order: number) => boolean) {
  return (a: Dim, b: Dim): Dim | undefined => {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
    const order = compare(a, b);
    return order === undefined ? undefined : first(order) ? a : b;
  };
}

const smaller = chosen((order) => order <= 0);
const larger = chosen((order) => order >= 0);

const BINARY: Readonly<Record<string, Compute>> = {
  Add: add,
  Sub: subtract,
  Mul: multiply,
  Div: quotient,
  Mod: remainder,
  Pow: onNumbers(Math.pow),
  Min: smaller,
  Max: larger,
  Sum: add,
  Equal: ordered((order) => order === 0),
  Less: ordered((order) => order < 0),
  Greater: ordered((order) => order > 0),
  LessOrEqual: ordered((order) => order <= 0),
  GreaterOrEqual: ordered((order) => order >= 0),
  And: onNumbers((a, b) => a & b),
  Or: onNumbers((a, b) => a | b),
  Xor: onNumbers((a, b) => a ^ b),
};

/** Half to even, as IEEE 754 and the Round op do. */
function round(value: number): number {
  return Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value);
}

const UNARY: Readonly<Record<string, (value: number) => number>> = {
  Neg: (value) => -value,
  Abs: Math.abs,
  Sqrt: Math.sqrt,
  Exp: Math.exp,
  Log: Math.log,
  Sin: Math.sin,
  Cos: Math.cos,
  Tanh: Math.tanh,
  Sign: Math.sign,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: round,
  Reciprocal: (value) => 1 / value,
  Not: (value) => 1 - value,
  Relu: (value) => Math.max(0, value),
};

/** The unary ops that make sense of a multiple of the batch, a positive whole number when it is positive. */
const UNARY_OF_BATCH: Readonly<Record<string, (value: Dim) => Dim | undefined>> = {
  Neg: (value) => multiply(value, -1),
  Floor: (value) => value,
  Ceil: (value) => value,
  Round: (value) => value,
};

/** Operands two by two, so that the variadic ops (Min, Max, Sum) are the same as the binary ones. */
function folding(compute: Compute): Evaluator {
  return (node, inputs, output) => {
    const operands = inputs.map((input) => input && broadcastEntries(input, output.dims));
    const { type } = inputs[0]!;
    return operands.reduce<ArrayLike<Dim | undefined> | undefined>((left, right) => {
      if (left === undefined || right === undefined) return left ?? right;
      return mapped(left, (a, index) => {
        const b = right[index];
        return a === undefined || b === undefined ? undefined : compute(a, b, type, node);
      });
    }, undefined);
  };
}

function mapping(op: string, compute: (value: number) => number): Evaluator {
  return (_, [input]) =>
    input && mapped(input.entries, (entry) => (isBatch(entry) ? UNARY_OF_BATCH[op]?.(entry) : compute(entry)));
}

const cast: Evaluator = (_, [input], { type }) =>
  input &&
  mapped(input.entries, (entry) => {
    if (type === 'bool') return isBatch(entry) ? undefined : Number(entry !== 0);
    return isBatch(entry) || FLOATS.has(type) ? entry : Math.trunc(entry);
  });

/** https://onnx.ai/onnx/operators/onnx__Clip.html (13): bounds are scalars, and either may be left out. */
const clip: Evaluator = (_, [input, low, high]) => {
  const bounded = (entry: Dim) => {
    const raised = low ? larger(entry, low.entries[0]!) : entry;
    return raised !== undefined && high ? smaller(raised, high.entries[0]!) : raised;
  };
  return input && mapped(input.entries, bounded);
};

const where: Evaluator = (_, inputs, { dims }) => {
  const [condition, yes, no] = inputs.map((input) => input && broadcastEntries(input, dims));
  return condition && yes && no && mapped(condition, (entry, index) => (entry === 0 ? no[index] : yes[index]));
};

/** Folds the entries that a reduction brings together; `finish` takes the result and how many they were. */
function reducing(
  compute: (a: Dim, b: Dim) => Dim | undefined,
  finish: (result: Dim, count: number, type: ElementType) => Dim | undefined = (result) => result,
): Evaluator {
  return (node, [input, axes], { type }) => {
    if (input === undefined) return undefined;
    const rank = input.dims.length;
    const named = Array.from(axes?.entries ?? [], (axis) => (isBatch(axis) ? -1 : (axis + rank) % rank));
    if (named.length === 0 && intOf(node, 'noop_with_empty_axes', 0) === 1) return input.entries;
    const reduced = (axis: number) => named.length === 0 || named.includes(axis);
    const strides = stridesOf(input.dims.map((dim, axis) => (reduced(axis) ? 1 : dim)));
    const goesTo = positions(
      input.dims,
      strides.map((stride, axis) => (reduced(axis) ? 0 : stride)),
    );
    const results: (Dim | undefined)[] = [];
    goesTo.forEach((at, index) => {
      const [sum, entry] = [results[at], input.entries[index]!];
      if (!(at in results)) results[at] = entry;
      else if (sum !== undefined) results[at] = compute(sum, entry);
    });
    const count = goesTo.length / results.length;
    return results.map((result) => (result === undefined ? undefined : finish(result, count, type)));
  };
}

function table<T>(entries: Readonly<Record<string, T>>, make: (value: T, op: string) => Evaluator) {
  return Object.fromEntries(Object.entries(entries).map(([op, value]) => [op, make(value, op)]));
}

export const ARITHMETIC: Readonly<Record<string, Evaluator>> = {
  ...table(BINARY, folding),
  ...table(UNARY, (compute, op) => mapping(op, compute)),
  Cast: cast,
  Clip: clip,
  Where: where,
  ReduceProd: reducing(multiply),
  ReduceSum: reducing(add),
  ReduceMean: reducing(add, quotient),
  ReduceMax: reducing(larger),
  ReduceMin: reducing(smaller),
};
