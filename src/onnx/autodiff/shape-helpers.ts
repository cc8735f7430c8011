import type { GraphBuilder } from '../builder.ts';
import { type Dim, isBatch, type Node, sameDim } from '../graph.ts';
import { staticDims } from '../shapes/operands.ts';

/** Bringing a gradient to the shape of the value it belongs to. The batch is the one dimension that is not a number. */

/** The elements of `value` in the shape of `like`. */
export function reshapeLike(builder: GraphBuilder, value: string, like: string): string {
  const dims = builder.shape(like);
  return sameDims(builder.shape(value), dims) ? value : reshapeTo(builder, value, dims, like);
}

/** `value` of shape [..., 1, ...], repeated to the shape of `like`, which has as many dimensions. */
export function expandLike(builder: GraphBuilder, value: string, like: string): string {
  const from = builder.shape(value);
  const to = builder.shape(like);
  if (sameDims(from, to)) return value;
  // Where the batch is there already, a 1 keeps it; only a batch to be made anew has to be asked of the graph.
  const target = to.map((dim, axis) => (sameDim(dim, from[axis]!) ? 1 : dim));
  const shape = target.some(isBatch) ? builder.op('Shape', [like]) : builder.ints(target.map(Number));
  return builder.op('Expand', [value, shape]);
}

/** Undoes broadcasting: sums over the axes along which `like` was repeated to the shape of `value`. */
export function sumLike(builder: GraphBuilder, value: string, like: string): string {
  const from = builder.shape(value);
  const to = builder.shape(like);
  const added = from.length - to.length;
  const axes = [...from.keys()].filter((axis) => axis < added || !sameDim(from[axis]!, to[axis - added]!));
  if (axes.length === 0) return value;
  const sum = builder.op('ReduceSum', [value, builder.ints(axes)], { keepdims: added === 0 ? 1 : 0 });
  return reshapeLike(builder, sum, like);
}

export function zerosLike(builder: GraphBuilder, like: string): string {
  return builder.op('ConstantOfShape', [builder.op('Shape', [like])]);
}

/** `value` with its last two axes exchanged; onnxruntime reads the transpose in place, or makes that of a weight once. */
export function swapLastAxes(builder: GraphBuilder, value: string): string {
  const rank = builder.shape(value).length;
  const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  return builder.op('Transpose', [value], { perm });
}

/** The spatial sizes of an image or feature map [N, C, ...]. */
export function spatialSizes(builder: GraphBuilder, node: Node, value: string): number[] {
  return staticDims(node, builder.shape(value).slice(2), 'spatial sizes');
}

export function sameDims(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis]!));
}

/** One free dimension can be the -1 of a constant shape; with more, the shape is asked of the graph. */
function reshapeTo(builder: GraphBuilder, value: string, dims: readonly Dim[], like: string): string {
  if (dims.filter(isBatch).length <= 1) return builder.reshape(value, dims);
  return builder.op('Reshape', [value, builder.op('Shape', [like])]);
}
