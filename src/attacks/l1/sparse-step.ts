import { reaches, sign } from '../float32.ts';
import { orderStatistic } from './order-statistic.ts';

/** Guards the division where there is no gradient at all. */
const TINY_COUNT = 1e-10;
/** The smallest float32 number above 0. */
const SMALLEST = 2 ** -149;

/**
 * Writes to `to` the point `size` in L1 away from `from` along the signs of the steepest `share` of the gradient's
 * coordinates, `size` shared out equally (arXiv:2103.01208 section 4.1). Rounded as in `autopgd_base.py`; equally steep
 * coordinates stay in or out together. Not projected yet.
 */
export type SparseStep = (
  from: Float32Array,
  to: Float32Array,
  gradient: Float32Array,
  share: number,
  size: number,
) => void;

/** Steps of one size share their scratch space. */
export function sparseSteps(imageSize: number): SparseStep {
  const steepness = new Float32Array(imageSize);
  return (from, to, gradient, share, size) => {
    for (let k = 0; k < imageSize; k++) steepness[k] = Math.abs(gradient[k]!);
    const rank = rankOf(share, imageSize);
    // Where fewer coordinates have a slope at all, those.
    const threshold = Math.max(orderStatistic(steepness, rank), SMALLEST);
    const each = Math.fround(size / Math.fround(countFrom(threshold, steepness) + TINY_COUNT));
    for (let k = 0; k < imageSize; k++) {
      const slope = gradient[k]!;
      to[k] = from[k]! + reaches(Math.abs(slope), threshold) * sign(slope) * each;
    }
  };
}

function countFrom(threshold: number, values: Float32Array): number {
  let count = 0;
  for (let k = 0; k < values.length; k++) count += reaches(values[k]!, threshold);
  return count;
}

/** Place of the last coordinate left out, from the least steep one on, in float32 as in the original. */
function rankOf(share: number, imageSize: number): number {
  const rank = Math.fround(Math.fround(1 - share) * imageSize);
  return Math.trunc(Math.min(Math.max(rank, 0), imageSize - 1));
}
