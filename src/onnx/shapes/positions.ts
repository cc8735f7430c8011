import type { Dim } from '../graph.ts';
import type { Known } from './operands.ts';

/** Where entries lie in row-major arrays, and what is picked or computed entry by entry. */

/** Row-major layouts: how far apart neighbours along each axis lie. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * dims[axis + 1]!;
  return strides;
}

/**
 * Where each element of a view of shape `dims` lies in the array it views, in row-major order of the view. Permuted
 * strides transpose, a stride of 0 repeats, a multiple of a stride steps, an offset crops.
 */
export function positions(dims: readonly number[], strides: readonly number[], offset = 0): Int32Array {
  let found = Int32Array.of(offset);
  dims.forEach((length, axis) => {
    const inner = new Int32Array(found.length * length);
    let next = 0;
    for (const base of found)
      for (let index = 0; index < length; index++) inner[next++] = base + index * strides[axis]!;
    found = inner;
  });
  return found;
}

/** Where each element of a value broadcast from `dims` to `target` lies. */
export function broadcastPositions(dims: readonly number[], target: readonly number[]): Int32Array {
  const lead = target.length - dims.length;
  const strides = stridesOf(dims);
  return positions(
    target,
    target.map((_, axis) => (axis < lead || dims[axis - lead] === 1 ? 0 : strides[axis - lead]!)),
  );
}

/** The entries of a value broadcast to a shape. */
export function broadcastEntries(input: Known, dims: readonly number[]): ArrayLike<Dim> {
  return input.dims.join() === dims.join() ? input.entries : taken(input, broadcastPositions(input.dims, dims));
}

/** The entries at these places. */
export function taken({ entries }: Known, at: Int32Array): ArrayLike<Dim> {
  if (!isNumeric(entries)) return Array.from(at, (index) => entries[index]!);
  return Float64Array.from(at, (index) => entries[index]!);
}

/** As `Array.from`, kept in one block of memory where all are numbers: weights have millions. */
export function mapped<T extends Dim | undefined>(
  entries: ArrayLike<T>,
  compute: (entry: T, index: number) => Dim | undefined,
): ArrayLike<Dim | undefined> {
  if (!ArrayBuffer.isView(entries)) return Array.from(entries, compute);
  const results = new Float64Array(entries.length);
  for (let index = 0; index < entries.length; index++) {
    const result = compute(entries[index]!, index);
    if (typeof result !== 'number') return Array.from(entries, compute);
    results[index] = result;
  }
  return results;
}

/** Whether no entry can be a multiple of the batch: arrays of numbers hold none. */
export function isNumeric(entries: ArrayLike<Dim | undefined>): entries is Float64Array {
  return ArrayBuffer.isView(entries);
}
