import { sign } from '../float32.ts';
import { waterLevels } from './level.ts';
import { NEGLIGIBLE, type Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** L2: coordinates go t |w_i|, or as far as they reach; sum_i w_i^2 min(t, m_i / |w_i|) = c. */
export function l2Projection(imageSize: number): Projection {
  const weights = new Float64Array(imageSize);
  const squares = new Float64Array(imageSize);
  const signs = new Float64Array(imageSize);
  /** 1 / |w_i|, once for all moves since divisions are slow; 0 where w_i is 0. */
  const inverses = new Float64Array(imageSize);
  const limits = new Float64Array(imageSize);
  const waterLevel = waterLevels(imageSize);
  let total = 0;
  return {
    aim(normal) {
      let sum = 0;
      for (let k = 0; k < imageSize; k++) {
        const w = normal[k]!;
        const weight = Math.abs(w) > NEGLIGIBLE ? w : 0;
        const inverse = weight === 0 ? 0 : 1 / weight;
        weights[k] = weight;
        squares[k] = weight * weight;
        signs[k] = sign(inverse);
        inverses[k] = Math.abs(inverse);
        sum += weight * weight;
      }
      total = sum;
    },
    move(point, excess, move) {
      const side = sideOf(excess);
      for (let k = 0; k < imageSize; k++) {
        limits[k] = reach(point[k]!, side * signs[k]!) * inverses[k]!;
      }
      const level = waterLevel(squares, limits, total, Math.abs(excess));
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
