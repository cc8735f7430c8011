import { float32 } from '../../tensor/tensor.ts';
import type { GraphBuilder } from '../builder.ts';

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
  return combined(
    builder,
    value,
    axis,
    index.map((place) => ({ places: [place], weights: [1] })),
    length,
  );
}

/** A run of neighbours: zeros before and after it. */
function padded(builder: GraphBuilder, value: string, axis: number, first: number, length: number): string {
  const count = Number(builder.shape(value)[axis]);
  if (count === length) return value;
  return builder.op('Pad', [value, builder.ints([first, length - count - first]), '', builder.ints([axis])]);
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
export function combined(
  builder: GraphBuilder,
  value: string,
  axis: number,
  combinations: readonly Combination[],
  length: number,
): string {
  const dims = builder.shape(value);
  const count = combinations.length;
  const isLast = axis === dims.length - 1;
  const matrix = new Float32Array(length * count);
  combinations.forEach(({ places, weights }, j) => {
    places.forEach((place, k) => {
      matrix[isLast ? j * length + place : place * count + j]! += weights[k]!;
    });
  });
  if (isLast)
    return builder.op('MatMul', [
      value,
      builder.initializer(builder.fresh('matrix'), float32([count, length], matrix)),
    ]);
  const left = builder.initializer(builder.fresh('matrix'), float32([length, count], matrix));
  const inner = dims.slice(axis + 1).reduce<number>((product, dim) => product * Number(dim), 1);
  const rows = builder.reshape(value, [...dims.slice(0, axis), count, inner]);
  return builder.reshape(builder.op('MatMul', [left, rows]), [...dims.slice(0, axis), length, ...dims.slice(axis + 1)]);
}
