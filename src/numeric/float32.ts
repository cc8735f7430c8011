/** Small pieces of float32 arithmetic that the attacks' inner loops share; V8 inlines them. */

/** What the original adds to a norm or a difference of logits before it divides by it. */
export const TINY = 1e-12;

/**
 * `value` within [low, high]. Without a branch: which side binds is as random as a gradient's sign, and a mispredicted
 * branch costs more than these five additions. Exact for float32 numbers in images, which are multiples of 2^-50.
 */
export function clamp(value: number, low: number, high: number): number {
  return 0.5 * (low + high + Math.abs(value - low) - Math.abs(value - high));
}

/** -1, 0 or 1, again without a branch. 1e-300 vanishes beside any float32 but zero. */
export function sign(value: number): number {
  return value / (Math.abs(value) + 1e-300);
}

/** The larger one, as exact as `clamp`: Math.max branches. */
export function larger(a: number, b: number): number {
  return 0.5 * (a + b + Math.abs(a - b));
}

export function smaller(a: number, b: number): number {
  return 0.5 * (a + b - Math.abs(a - b));
}

/** 1 where a float32 value is at or above a float32 threshold, else 0; without a branch as well. */
export function atLeast(value: number, threshold: number): number {
  return Math.ceil(0.5 + 0.5 * sign(value - threshold));
}

/** Whether no number is NaN or infinite: the difference of such a one and itself is NaN, and no branch is needed for each. */
export function isFiniteRow(row: Float32Array): boolean {
  let residue = 0;
  for (let k = 0; k < row.length; k++) residue += row[k]! - row[k]!;
  return residue === 0;
}

/** Euclidean norm, summed in float64. */
export function euclideanNorm(row: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < row.length; k++) {
    const value = row[k]!;
    sum += value * value;
  }
  return Math.sqrt(sum);
}
