import { readFileSync } from 'node:fs';
import { decodeNpy } from '../../src/numeric/npy.ts';
import type { TypedTensor } from '../../src/numeric/tensor.ts';

/** A float32 .npy written by PyTorch's side. */
export function golden(path: string): TypedTensor<'float32'> {
  const tensor = decodeNpy(readFileSync(path), path);
  if (tensor.type !== 'float32') throw new Error(`${path} is ${tensor.type}`);
  return tensor;
}

/** Largest difference, relative to the largest reference value where that exceeds 1. */
export function largestError(actual: ArrayLike<number>, expected: Float32Array): number {
  let scale = 1;
  let error = 0;
  for (const [i, value] of expected.entries()) {
    scale = Math.max(scale, Math.abs(value));
    error = Math.max(error, Math.abs((actual[i] ?? Number.NaN) - value));
  }
  return actual.length === expected.length ? error / scale : Number.NaN;
}

/** Norm of the difference over norm of the reference, per row. A row that is zero on both sides has error 0. */
export function rowErrors(actual: Float32Array, expected: Float32Array, rows: number): number[] {
  const size = expected.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    let difference = 0;
    let norm = 0;
    for (let i = row * size; i < (row + 1) * size; i++) {
      difference += ((actual[i] ?? Number.NaN) - (expected[i] ?? 0)) ** 2;
      norm += (expected[i] ?? 0) ** 2;
    }
    return difference === 0 ? 0 : Math.sqrt(difference / norm);
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
