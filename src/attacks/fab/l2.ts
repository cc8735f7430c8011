import { sign } from '../float32.ts';
import { type Vessels, vesselsOf, waterLevel } from './level.ts';
import { NEGLIGIBLE, type Projection } from './projection.ts';
import { reach, sideOf } from './reach.ts';

/** A hyperplane's normal, [imageSize] each. */
interface Normal {
  readonly weights: Float64Array;
  readonly signs: Float64Array;
  /** 1 / |w_i|, once for all moves since divisions are slow; 0 where w_i is 0. */
  readonly inverses: Float64Array;
}

/** L2: coordinates go t |w_i|, or as far as they reach; sum_i w_i^2 min(t, m_i / |w_i|) = c. */
export function l2Projection(imageSize: number): Projection {
  const [weights, signs, inverses] = [0, 1, 2].map(() => new Float64Array(imageSize));
  const normal: Normal = { weights: weights!, signs: signs!, inverses: inverses! };
  const vessels = vesselsOf(imageSize);
  let total = 0;
  return {
    aim(w) {
      total = split(w, normal, vessels.slopes);
    },
    move(point, excess, move) {
      const side = sideOf(excess);
      measure(point, normal, side, vessels);
      return go(normal, vessels, side, waterLevel(vessels, total, Math.abs(excess)), move);
    },
  };
}

/** Fills in the normal and its squares; gives their sum. */
function split(normal: Float32Array, { weights, signs, inverses }: Normal, squares: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < normal.length; k++) {
    const w = normal[k]!;
    const weight = Math.abs(w) > NEGLIGIBLE ? w : 0;
    const inverse = weight === 0 ? 0 : 1 / weight;
    weights[k] = weight;
    squares[k] = weight * weight;
    signs[k] = sign(inverse);
    inverses[k] = Math.abs(inverse);
    sum += weight * weight;
  }
  return sum;
}

/** Up to which level each coordinate follows. */
function measure(point: Float32Array, { signs, inverses }: Normal, side: number, { breaks }: Vessels): void {
  for (let k = 0; k < point.length; k++) breaks[k] = reach(point[k]!, side * signs[k]!) * inverses[k]!;
}

/** Writes the move to `level`; gives its length. */
function go({ weights }: Normal, { breaks }: Vessels, side: number, level: number, move: Float64Array): number {
  let square = 0;
  for (let k = 0; k < move.length; k++) {
    const step = side * weights[k]! * Math.min(level, breaks[k]!);
    move[k] = step;
    square += step * step;
  }
  return Math.sqrt(square);
}
