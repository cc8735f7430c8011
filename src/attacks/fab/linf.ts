import { sign } from '../float32.ts';
import { vesselsOf, waterLevel } from './level.ts';
import type { Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** L-infinity: all coordinates go the same way t, or as far as they reach; sum_i |w_i| min(t, m_i) = c. */
export function linfProjection(imageSize: number): Projection {
  const signs = new Float64Array(imageSize);
  const vessels = vesselsOf(imageSize);
  let total = 0;
  return {
    aim(normal) {
      total = split(normal, signs, vessels.slopes);
    },
    move(point, excess, move) {
      const side = sideOf(excess);
      measure(point, signs, side, vessels.breaks);
      return go(signs, vessels.breaks, side, waterLevel(vessels, total, Math.abs(excess)), move);
    },
  };
}

// The loops are functions of the arrays they go through: V8 makes faster code of them than of loops over what a closure holds.

/** Into signs and magnitudes; gives the sum of these. */
function split(normal: Float32Array, signs: Float64Array, magnitudes: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < normal.length; k++) {
    const w = normal[k]!;
    const magnitude = Math.abs(w);
    signs[k] = sign(w);
    magnitudes[k] = magnitude;
    sum += magnitude;
  }
  return sum;
}

function measure(point: Float32Array, signs: Float64Array, side: number, reaches: Float64Array): void {
  for (let k = 0; k < point.length; k++) reaches[k] = reach(point[k]!, side * signs[k]!);
}

/** Writes the move to `level`; gives its length. */
function go(signs: Float64Array, reaches: Float64Array, side: number, level: number, move: Float64Array): number {
  let longest = 0;
  for (let k = 0; k < move.length; k++) {
    const step = side * signs[k]! * Math.min(level, reaches[k]!);
    move[k] = step;
    longest = Math.max(longest, Math.abs(step));
  }
  return longest;
}
