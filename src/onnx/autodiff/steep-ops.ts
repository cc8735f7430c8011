import { toNumbers } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { floatOf, type Node } from '../graph.ts';

/**
 * Whether the slope of a node may be infinite, or 0 / 0, at numbers that are finite. What it hands back may then be infinite
 * or NaN in a branch that is not taken, log(relu(x)) at x < 0 say; PyTorch's relu selects 0 there, where a mask that
 * multiplies would make NaN of it. So rules select behind such a node, and multiply elsewhere, which is faster.
 */
export function isSteep(builder: GraphBuilder, node: Node): boolean {
  return node.domain === '' && Object.hasOwn(STEEP, node.op) && STEEP[node.op]!(builder, node);
}

type Test = (builder: GraphBuilder, node: Node) => boolean;

/** Steep where this operand is 0. */
const atZero =
  (input: number): Test =>
  (builder, { inputs }) =>
    !isKeptFromZero(builder, inputs[input]!);

/** Divides by a deviation that nothing keeps above 0. */
const withoutEpsilon: Test = (_, node) => floatOf(node, 'epsilon', 1e-5) === 0;

/** x^e with e below 1. */
const power: Test = (builder, node) => {
  const exponents = numbersOf(builder, node.inputs[1]!);
  const isGentle = exponents?.every((exponent) => exponent === 0 || exponent >= 1) ?? false;
  return !isGentle && atZero(0)(builder, node);
};

const STEEP: Readonly<Record<string, Test>> = {
  Log: atZero(0),
  Reciprocal: atZero(0),
  Div: atZero(1),
  Pow: power,
  // Infinite itself from 88.73 on.
  Exp: () => true,
  ReduceLogSum: () => true,
  // Infinite at the ends of where they are defined, and no number beyond.
  ...{ Asin: () => true, Acos: () => true, Acosh: () => true, Atanh: () => true },
  LayerNormalization: withoutEpsilon,
  InstanceNormalization: withoutEpsilon,
  GroupNormalization: withoutEpsilon,
  LRN: (_, node) => floatOf(node, 'bias', 1) === 0,
};

/** The least number that its square's reciprocal, which a quotient's slope comes to, leaves in float32's range. */
const LEAST_GUARD = 1e-18;

/**
 * Whether an operand cannot be 0: numbers that are not, or a value that its author guards by adding a small number or clipping
 * at one, as every norm and deviation is. A guarded value is taken to be no less than 0 before.
 */
function isKeptFromZero(builder: GraphBuilder, name: string): boolean {
  const numbers = numbersOf(builder, name);
  if (numbers !== undefined) return numbers.every((value) => value !== 0);
  const node = builder.nodes.findLast(({ outputs }) => outputs.includes(name));
  if (node === undefined || node.domain !== '') return false;
  const isGuard = (input: string) => numbersOf(builder, input)?.every((value) => value >= LEAST_GUARD) ?? false;
  if (node.op === 'Add' || node.op === 'Max') return node.inputs.some(isGuard);
  if (node.op === 'Clip') return isGuard(node.inputs[1] ?? '');
  return CARRIES.has(node.op) && isKeptFromZero(builder, node.inputs[0]!);
}

/** Ops whose result is 0 only where their first operand is. */
const CARRIES: ReadonlySet<string> = new Set([
  ...['Sqrt', 'Abs', 'Identity', 'Cast', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Expand'],
]);

function numbersOf(builder: GraphBuilder, name: string): number[] | undefined {
  const known = name === '' ? undefined : builder.constantOf(name);
  return known && toNumbers(known);
}
