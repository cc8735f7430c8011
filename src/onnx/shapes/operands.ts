import { GraphError } from '../../errors.ts';
import { type ElementType, type Tensor, toNumbers } from '../../numeric/tensor.ts';
import { elementType } from '../element-types.ts';
import { type Dim, describeNode, formatDims, isBatch, type Node } from '../graph.ts';

/** What is known of a value before anything runs. */
export interface TypedShape {
  /** Type of its elements. */
  readonly type: ElementType;
  /** Its dimensions. */
  readonly dims: readonly Dim[];
  /** Its value, where it does not depend on the graph's inputs and is small enough or an initializer. */
  readonly constant?: Tensor | undefined;
  /** Whether it does not depend on the graph's inputs, though its value was not computed: it is large, or no evaluator knows the op. */
  readonly fixed?: boolean | undefined;
  /** A vector or scalar of dimensions (what Shape and arithmetic on it give); entries may be multiples of N. */
  readonly symbolic?: readonly Dim[] | undefined;
}

/** Gives the type and shape of each output of `node` from those of its inputs (undefined: input left out). */
export type ShapeRule = (node: Node, inputs: readonly (TypedShape | undefined)[]) => readonly TypedShape[];

export type RuleTable = Readonly<Record<string, ShapeRule>>;

/** A value known before anything runs; an entry is a number or a multiple of the batch. */
export interface Known {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly entries: ArrayLike<Dim>;
}

/** The entries of the first output, which has type and dims `output`; an entry of undefined: it cannot be said. */
export type Evaluator = (
  node: Node,
  inputs: readonly (Known | undefined)[],
  output: Omit<Known, 'entries'>,
) => ArrayLike<Dim | undefined> | undefined;

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

/** Whether a value is the same whatever the graph's inputs are. */
export function isFixed(value: TypedShape): boolean {
  return value.constant !== undefined || value.fixed === true;
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

/** The element type that an attribute names by its code; `fallback` where the node does not have it. */
export function elementTypeOf(node: Node, key: string, fallback: ElementType | undefined): ElementType {
  const attribute = node.attributes[key];
  if (attribute?.kind === 'int') return elementType(attribute.value, describeNode(node));
  return fallback ?? fail(node, `attribute "${key}" is missing`);
}
