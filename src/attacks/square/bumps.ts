import type { RandomSource } from '../../random/stream.ts';
import { type BumpNorm, lengthOf, powerOf } from './norms.ts';

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
