import { euclideanNorm } from '../../numeric/float32.ts';
import type { ThreatModel } from '../core/attack.ts';

export type DualNorm = (gradient: Float32Array) => number;

/**
 * The dual of a norm, which turns a difference of logits into a distance: |difference| / |its gradient|* is how far the boundary
 * of a linear model is. NaN or infinity where a coordinate is.
 */
export const DUAL_NORMS: Readonly<Partial<Record<ThreatModel['norm'], DualNorm>>> = {
  Linf: sumOfMagnitudes,
  L2: euclideanNorm,
  L1: largestMagnitude,
};

/** In float64. */
export function sumOfMagnitudes(row: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < row.length; k++) sum += Math.abs(row[k]!);
  return sum;
}

export function largestMagnitude(row: Float32Array): number {
  let largest = 0;
  for (let k = 0; k < row.length; k++) largest = Math.max(largest, Math.abs(row[k]!));
  return largest;
}
