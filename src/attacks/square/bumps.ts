import type { RandomSource } from '../../numeric/random.ts';
import { type L1Projection, l1Projection } from '../norms/l1.ts';

/** What the attack with bumps needs to know of a norm. */
export interface BumpNorm {
  /** The norm is the p-th root of a sum of p-th powers. */
  readonly p: 1 | 2;
  /** Ring i of a bump, counted from 1 in its middle, rises i^-falloff above the ring around it. */
  readonly falloff: number;
  /** How often a channel gets the p-th power that a proposal has for it. */
  gain(channels: number): number;
  /** The projection onto ball and box; undefined where proposals keep within the ball by themselves. */
  projection(imageSize: number): L1Projection | undefined;
}

/** Proposals keep the length: `square.py` normalises them once more, which changes nothing but rounding. */
export const L2_BUMPS: BumpNorm = { p: 2, falloff: 2, gain: () => 1, projection: () => undefined };

/** Squares come out as many times too long as there are channels, and the projection shortens all of the image. */
export const L1_BUMPS: BumpNorm = { p: 1, falloff: 4, gain: (channels) => channels, projection: l1Projection };

export function powerOf(value: number, p: 1 | 2): number {
  return p === 2 ? value * value : Math.abs(value);
}

/** The norm, given the sum of p-th powers. */
export function lengthOf(sum: number, p: 1 | 2): number {
  return p === 2 ? Math.sqrt(sum) : sum;
}

/** Gives what a square is filled with: [side * side], row by row. */
export type Bumps = (side: number, stream: RandomSource) => Float64Array;

/**
 * Squares of norm 1 (`eta` of `square.py`, arXiv:1912.00049 section 4.3): one half is a hill, the other a valley; whether
 * they lie one above the other or side by side is random.
 */
export function bumpsOf(norm: BumpNorm): Bumps {
  const known = new Map<number, readonly [Float64Array, Float64Array]>();
  return (side, stream) => {
    let bump = known.get(side);
    if (bump === undefined) {
      const upright = bumpOf(side, norm);
      bump = [upright, transposed(upright, side)];
      known.set(side, bump);
    }
    return bump[stream.uniform() > 0.5 ? 1 : 0];
  };
}

function bumpOf(side: number, norm: BumpNorm): Float64Array {
  const upper = Math.floor(side / 2);
  const valley = hill(side - upper, side, norm).map((value) => -value);
  const bump = new Float64Array(side * side);
  bump.set(hill(upper, side, norm));
  bump.set(valley, upper * side);
  return normalised(bump, norm);
}

/** Rectangles around the middle, one on top of the other. */
function hill(height: number, width: number, norm: BumpNorm): Float64Array {
  const values = new Float64Array(height * width);
  const middleRow = Math.floor(height / 2);
  const middleColumn = Math.floor(width / 2);
  for (let reach = 0; reach <= Math.max(middleRow, middleColumn); reach++) {
    const rise = (reach + 1) ** -norm.falloff;
    const lastRow = Math.min(middleRow + reach, height - 1);
    const lastColumn = Math.min(middleColumn + reach, width - 1);
    for (let row = Math.max(middleRow - reach, 0); row <= lastRow; row++)
      for (let column = Math.max(middleColumn - reach, 0); column <= lastColumn; column++)
        values[row * width + column]! += rise;
  }
  return normalised(values, norm);
}

function normalised(values: Float64Array, { p }: BumpNorm): Float64Array {
  const norm = lengthOf(
    values.reduce((sum, value) => sum + powerOf(value, p), 0),
    p,
  );
  return values.map((value) => value / norm);
}

function transposed(values: Float64Array, side: number): Float64Array {
  return values.map((_, k) => values[(k % side) * side + Math.floor(k / side)]!);
}
