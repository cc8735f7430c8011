import { atLeast, clamp, larger, sign, smaller } from '../../numeric/float32.ts';

/**
 * Writes to `point` the point within [0, 1] and `radius` of `clean` in L1 that is nearest to clean + offsets. `point` may
 * be `offsets` itself.
 */
export type L1Projection = (offsets: Float32Array, clean: Float32Array, radius: number, point: Float32Array) => void;

/** How far from the radius the length may end, relative to the length before: float64 rounding of a few thousand terms. */
const ROUNDING = 1e-13;

/**
 * The projection of arXiv:2103.01208 section 3, `L1_projection` in `autopgd_base.py` of fra31/auto-attack. It shortens
 * each offset by max(overshoot, cut), down to zero at most: the overshoot is what lies beyond [0, 1], and the one cut for
 * all brings the sum to the radius. The original sorts all its breakpoints; here the cut is found as the root it is.
 * Projections of one size share their scratch space.
 */
export function l1Projection(imageSize: number): L1Projection {
  const lengths = new Float64Array(imageSize);
  const overshoots = new Float64Array(imageSize);
  return (offsets, clean, radius, point) => {
    let count = 0;
    for (let k = 0; k < offsets.length; k++) {
      const offset = offsets[k]!;
      if (offset === 0) continue;
      lengths[count] = Math.abs(offset);
      overshoots[count] = overshootOf(clean[k]!, offset);
      count++;
    }
    shortenOffsets(offsets, clean, Math.fround(cutTo(radius, lengths, overshoots, count)), point);
  };
}

/**
 * In float32 and in the original's order, clean + offset - removed: what is removed whole may leave a rounding error, and
 * APGD counts the coordinates that differ from their clean value. Rounding may also lead out of [0, 1], where the original
 * lets it be; here it does not.
 */
function shortenOffsets(offsets: Float32Array, clean: Float32Array, cut: number, point: Float32Array): void {
  for (let k = 0; k < offsets.length; k++) {
    const offset = offsets[k]!;
    const centre = clean[k]!;
    const removed = smaller(larger(overshootOf(centre, offset), cut), Math.abs(offset));
    const moved = Math.fround(centre + offset);
    point[k] = clamp(Math.fround(moved - sign(offset) * removed), 0, 1);
  }
}

/** How far centre + offset lies beyond [0, 1], rounded as in the original. */
function overshootOf(centre: number, offset: number): number {
  const room = smaller(Math.fround(Math.fround(1 - centre) - offset), Math.fround(centre + offset));
  return larger(-room, 0);
}

/**
 * The least cut >= 0 at which the sum of max(0, length - max(overshoot, cut)) is no more than the radius. The sum falls
 * piecewise linearly, so a Newton step from within the root's own piece lands on it; a bracket that shrinks with every
 * step, halved where Newton leaves it, gets there.
 */
function cutTo(radius: number, lengths: Float64Array, overshoots: Float64Array, count: number): number {
  let low = 0;
  let high = largest(lengths, count);
  let tolerance = 0;
  for (let cut = 0; ; ) {
    let sum = 0;
    let slope = 0;
    for (let k = 0; k < count; k++) {
      const length = lengths[k]!;
      const overshoot = overshoots[k]!;
      if (overshoot > cut) sum += length - overshoot;
      else if (length > cut) {
        sum += length - cut;
        slope++;
      }
    }
    if (cut === 0) {
      if (sum <= radius) return 0;
      tolerance = ROUNDING * sum;
    }
    const excess = sum - radius;
    if (Math.abs(excess) <= tolerance) return cut;
    if (excess > 0) low = cut;
    else high = cut;
    const newton = cut + excess / slope;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (next === low || next === high) return high;
    cut = next;
  }
}

function largest(values: Float64Array, count: number): number {
  let most = 0;
  for (let k = 0; k < count; k++) most = Math.max(most, values[k]!);
  return most;
}

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
      to[k] = from[k]! + atLeast(Math.abs(slope), threshold) * sign(slope) * each;
    }
  };
}

function countFrom(threshold: number, values: Float32Array): number {
  let count = 0;
  for (let k = 0; k < values.length; k++) count += atLeast(values[k]!, threshold);
  return count;
}

/** Place of the last coordinate left out, from the least steep one on, in float32 as in the original. */
function rankOf(share: number, imageSize: number): number {
  const rank = Math.fround(Math.fround(1 - share) * imageSize);
  return Math.trunc(Math.min(Math.max(rank, 0), imageSize - 1));
}

/**
 * The number that would stand at `index` if `values` were sorted upwards; finite ones only. Reorders them: Hoare's
 * quickselect, a few passes where sorting takes a dozen.
 */
export function orderStatistic(values: Float32Array, index: number): number {
  let first = 0;
  let last = values.length - 1;
  while (first < last) {
    const pivot = middleOf(values[first]!, values[(first + last) >> 1]!, values[last]!);
    let i = first;
    let j = last;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const swapped = values[i]!;
      values[i++] = values[j]!;
      values[j--] = swapped;
    }
    // What lies between j and i equals the pivot.
    if (index <= j) last = j;
    else if (index >= i) first = i;
    else break;
  }
  return values[index]!;
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
