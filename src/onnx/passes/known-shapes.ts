import { toNumbers } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { type Dim, intsOf, isBatch, type Node, sameDim, stringOf } from '../graph.ts';
import { numbersIn } from '../shapes/dims.ts';
import { entriesOf } from '../shapes/operands.ts';
import { withInput } from './rewrite.ts';

/** Ops that read a shape, written so that the shape is a constant whatever the batch size is, where that can be. */

type Rewriting = (node: Node, dims: readonly Dim[], builder: GraphBuilder) => Node;

/** Every dimension written out, the batch as the one that is left. A zero would mean "as it was", so it stays unwritten. */
const reshape: Rewriting = (node, dims, builder) => {
  const shape = dims.map((dim) => (isBatch(dim) ? -1 : dim));
  return shape.includes(0) ? node : withNumbers(node, 1, shape, builder);
};

/** A 1 where the dimension is there already: broadcasting goes both ways. */
const expand: Rewriting = (node, dims, builder) => {
  const input = builder.shape(node.inputs[0]!);
  const lead = dims.length - input.length;
  const missing = dims.map((dim, axis) => (axis >= lead && sameDim(dim, input[axis - lead]!) ? 1 : dim));
  const shape = numbersIn(missing);
  return shape === undefined ? node : withNumbers(node, 1, shape, builder);
};

/**
 * Sizes of the axes beside the batch: since opset 18 a Resize can name those it resizes. The region of interest would have
 * to follow, so one that crops stays as it is.
 */
const resize: Rewriting = (node, dims, builder) => {
  const sizes = node.inputs[3];
  const cropped = stringOf(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize';
  if (!sizes || cropped || entriesOf(builder.value(sizes))?.length === 0) return node;
  const axes = intsOf(node, 'axes') ?? [...dims.keys()];
  const spatial = axes.filter((axis) => !isBatch(dims.at(axis) ?? 1));
  const numbers = numbersIn(spatial.map((axis) => dims.at(axis)!));
  if (spatial.length === axes.length || numbers === undefined) return node;
  const attributes = { ...node.attributes, axes: { kind: 'ints', value: spatial } } as const;
  return withNumbers({ ...node, attributes }, 3, numbers, builder);
};

/** By op, the node with its shape as a constant; `dims` is the shape of its output. */
export const KNOWN_SHAPES: Readonly<Record<string, Rewriting>> = { Reshape: reshape, Expand: expand, Resize: resize };

/** The node with a vector as input `index`, where it is not that already. */
function withNumbers(node: Node, index: number, numbers: readonly number[], builder: GraphBuilder): Node {
  const current = builder.constantOf(node.inputs[index]!);
  return current && toNumbers(current).join() === numbers.join() ? node : withInput(node, index, builder.ints(numbers));
}
