import { sign } from '../float32.ts';
import { waterLevel } from './level.ts';
import { NEGLIGIBLE, type Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** L2: coordinates go t |w_i|, or as far as they reach; sum_i w_i^2 min(t, m_i / |w_i|) = c. */
export function l2Projection(imageSize: number): Projection {
  const weights = new Float64Array(imageSize);
  const squares = new Float64Array(imageSize);
  const limits = new Float64Array(imageSize);
  return {
    aim(normal) {
      for (let k = 0; k < imageSize; k++) {
        const w = normal[k]!;
        const weight = Math.abs(w) > NEGLIGIBLE ? w : 0;
        weights[k] = weight;
        squares[k] = weight * weight;
      }
    },
    move(point, excess, move) {
      const side = sideOf(excess);
      for (let k = 0; k < imageSize; k++) {
        const weight = weights[k]!;
        // Beside 1e-300 every weight but 0 stays what it is; a weight of 0 moves nothing, whatever its limit.
        limits[k] = reach(point[k]!, side * sign(weight)) / (Math.abs(weight) + 1e-300);
      }
      const level = waterLevel(squares, limits, Math.abs(excess));
      let square = 0;
      for (let k = 0; k < imageSize; k++) {
        const step = side * weights[k]! * Math.min(level, limits[k]!);
        move[k] = step;
        square += step * step;
      }
      return Math.sqrt(square);
    },
  };
}
