import { GraphError } from '../../contracts/errors.ts';
import { type ElementType, type Tensor, toNumbers } from '../../tensor/tensor.ts';
import { type Dim, describeNode, formatDims, isBatch, type Node } from '../graph.ts';
import type { TypedShape } from './rule.ts';

/** What the shape rules share: reading a node's inputs and attributes, and saying what does not fit. */

export type Operands = readonly (TypedShape | undefined)[];

/** Throws the GraphError of a node whose inputs or attributes do not fit. */
export function fail(node: Node, problem: string): never {
  throw new GraphError(`${describeNode(node)}: ${problem}`);
}

/** Input `index`, which the op requires. */
export function operand(node: Node, inputs: Operands, index: number): TypedShape {
  return inputs[index] ?? fail(node, `input ${index} is missing`);
}

/** Input `index`, which has to have this many dimensions at least. */
export function operandOfRank(node: Node, inputs: Operands, index: number, rank: number): TypedShape {
  const value = operand(node, inputs, index);
  if (value.dims.length < rank) {
    fail(node, `input ${index} has shape ${formatDims(value.dims)}, and ${rank} dimensions are the least it can have`);
  }
  return value;
}

/** The entries of a value known before anything runs; undefined where they are not. */
export function entriesOf(value: TypedShape): readonly Dim[] | undefined {
  return value.symbolic ?? (value.constant && toNumbers(value.constant));
}

/** The entries of input `index` (a shape, axes, pads), multiples of the batch among them; undefined where left out. */
export function optionalEntries(node: Node, inputs: Operands, index: number, what: string): readonly Dim[] | undefined {
  const value = inputs[index];
  if (value === undefined) return undefined;
  return entriesOf(value) ?? fail(node, `input ${index} (${what}) depends on the data, and has to be known without`);
}

export function requiredEntries(node: Node, inputs: Operands, index: number, what: string): readonly Dim[] {
  return optionalEntries(node, inputs, index, what) ?? fail(node, `input ${index} (${what}) is missing`);
}

/** As `optionalEntries`, where a multiple of the batch makes no sense. */
export function optionalNumbers(node: Node, inputs: Operands, index: number, what: string): number[] | undefined {
  return optionalEntries(node, inputs, index, what)?.map((entry) =>
    isBatch(entry) ? fail(node, `input ${index} (${what}) depends on the batch size`) : entry,
  );
}

export function requiredNumbers(node: Node, inputs: Operands, index: number, what: string): number[] {
  return optionalNumbers(node, inputs, index, what) ?? fail(node, `input ${index} (${what}) is missing`);
}

/** An axis counted from the front; negative ones count from the back. */
export function axisOf(node: Node, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    fail(node, `axis ${axis} is not one of a shape of ${rank} dimensions`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from the front, each once. */
export function axesOf(node: Node, axes: readonly number[], rank: number): number[] {
  const positive = axes.map((axis) => axisOf(node, axis, rank));
  if (new Set(positive).size < positive.length) fail(node, `axes [${axes.join(', ')}] name one axis twice`);
  return positive;
}

/** Dimensions that cannot be the batch: the spatial ones, those of weights. */
export function staticDims(node: Node, dims: readonly Dim[], what: string): number[] {
  return dims.map((dim) => (isBatch(dim) ? fail(node, `${what} ${formatDims(dims)} cannot contain the batch`) : dim));
}

/** The one type of these inputs. */
export function commonType(node: Node, values: readonly TypedShape[]): ElementType {
  const [first, ...rest] = values;
  if (first === undefined) fail(node, 'it has no inputs');
  const other = rest.find((value) => value.type !== first.type);
  return other === undefined ? first.type : fail(node, `inputs of type ${first.type} and ${other.type} do not mix`);
}

/** One output of this type and shape, its value not known. */
export function unknown(type: ElementType, dims: readonly Dim[]): TypedShape {
  return { type, dims };
}

/** One output that is this tensor. */
export function known(tensor: Tensor): TypedShape {
  return { type: tensor.type, dims: tensor.dims, constant: tensor };
}
