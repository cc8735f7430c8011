import { float32, sizeOf, type TypedTensor } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { padAxes } from '../pads.ts';
import { swapLastAxes } from './shape-helpers.ts';

/**
 * The adjoint of picking elements along an axis: y[j] = x[index[j]] becomes dx[i] = sum of dy[j] over index[j] = i.
 * Slice, Gather, the paddings that copy and nearest-neighbour Resize all pick so.
 *
 * @param value [..., index.length, ...]
 * @returns [..., length, ...]
 */
export function adjointIndex(
  builder: GraphBuilder,
  value: string,
  axis: number,
  index: readonly number[],
  length: number,
): string {
  const first = index[0] ?? 0;
  if (index.every((place, j) => place === first + j)) return padded(builder, value, axis, first, length);
  if (new Set(index).size === index.length) return regathered(builder, value, axis, index, length);
  const copies = index.map((place) => ({ places: [place], weights: [1] }));
  return adjointCombination(builder, value, axis, copies, length);
}

/** A run of neighbours: zeros before and after it. */
function padded(builder: GraphBuilder, value: string, axis: number, first: number, length: number): string {
  const count = Number(builder.shape(value)[axis]);
  if (count === length) return value;
  return padAxes(builder, value, [axis], [first, length - count - first]);
}

/** Every place picked at most once: it picks back, or picks the zero put after the last element. */
function regathered(
  builder: GraphBuilder,
  value: string,
  axis: number,
  index: readonly number[],
  length: number,
): string {
  const zero = index.length;
  const back = Array<number>(length).fill(zero);
  index.forEach((place, j) => {
    back[place] = j;
  });
  const extended = index.length === length ? value : padded(builder, value, axis, 0, zero + 1);
  return builder.op('Gather', [extended, builder.ints(back)], { axis });
}

/** What one output of a linear map along an axis is made of. */
export interface Combination {
  readonly places: readonly number[];
  readonly weights: readonly number[];
}

/**
 * The adjoint of y[j] = sum over k of weights_j[k] x[places_j[k]] along an axis: a multiplication by a constant matrix.
 *
 * @param value [..., combinations.length, ...]
 * @returns [..., length, ...]
 */
export function adjointCombination(
  builder: GraphBuilder,
  value: string,
  axis: number,
  combinations: readonly Combination[],
  length: number,
): string {
  const dims = builder.shape(value);
  const matrix = builder.initializer(builder.fresh('matrix'), adjointMatrix(combinations, length));
  if (axis === dims.length - 1) return builder.op('MatMul', [value, swapLastAxes(builder, matrix)]);
  const [before, after] = [dims.slice(0, axis), dims.slice(axis + 1)];
  const rows = builder.reshape(value, [...before, combinations.length, sizeOf(after.map(Number))]);
  return builder.reshape(builder.op('MatMul', [matrix, rows]), [...before, length, ...after]);
}

/** [length, combinations.length]: column j holds the weights of combination j at their places. */
function adjointMatrix(combinations: readonly Combination[], length: number): TypedTensor<'float32'> {
  const columns = combinations.length;
  const matrix = new Float32Array(length * columns);
  for (const [column, { places, weights }] of combinations.entries()) {
    for (const [at, place] of places.entries()) matrix[place * columns + column]! += weights[at]!;
  }
  return float32([length, columns], matrix);
}
