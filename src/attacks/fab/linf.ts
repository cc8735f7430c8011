import { sign } from '../float32.ts';
import { waterLevels } from './level.ts';
import type { Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** L-infinity: all coordinates go the same way t, or as far as they reach; sum_i |w_i| min(t, m_i) = c. */
export function linfProjection(imageSize: number): Projection {
  const signs = new Float64Array(imageSize);
  const weights = new Float64Array(imageSize);
  const reaches = new Float64Array(imageSize);
  const waterLevel = waterLevels(imageSize);
  let total = 0;
  return {
    aim(normal) {
      let sum = 0;
      for (let k = 0; k < imageSize; k++) {
        const w = normal[k]!;
        signs[k] = sign(w);
        weights[k] = Math.abs(w);
        sum += Math.abs(w);
      }
      total = sum;
    },
    move(point, excess, move) {
      const side = sideOf(excess);
      for (let k = 0; k < imageSize; k++) reaches[k] = reach(point[k]!, side * signs[k]!);
      const level = waterLevel(weights, reaches, total, Math.abs(excess));
      let longest = 0;
      for (let k = 0; k < imageSize; k++) {
        const step = side * signs[k]! * Math.min(level, reaches[k]!);
        move[k] = step;
        longest = Math.max(longest, Math.abs(step));
      }
      return longest;
    },
  };
}
