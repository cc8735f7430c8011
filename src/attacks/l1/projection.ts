import { clamp, larger, sign, smaller } from '../float32.ts';

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
    shorten(offsets, clean, Math.fround(cutTo(radius, lengths, overshoots, count)), point);
  };
}

/**
 * In float32 and in the original's order, clean + offset - removed: what is removed whole may leave a rounding error, and
 * APGD counts the coordinates that differ from their clean value. Rounding may also lead out of [0, 1], where the original
 * lets it be; here it does not.
 */
function shorten(offsets: Float32Array, clean: Float32Array, cut: number, point: Float32Array): void {
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
