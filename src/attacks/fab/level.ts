/** How far beyond a level that is too low the root is looked for: few vessels of an image end in between. */
const LOOKAHEAD = 1.5;

/** Vessels of different widths and heights, [vessels] each; neither is negative. */
export interface Vessels {
  readonly slopes: Float64Array;
  readonly breaks: Float64Array;
  /** Scratch: those that the level may end among. */
  readonly nearSlopes: Float64Array;
  readonly nearBreaks: Float64Array;
}

export function vesselsOf(count: number): Vessels {
  const [slopes, breaks, nearSlopes, nearBreaks] = [0, 1, 2, 3].map(() => new Float64Array(count));
  return { slopes: slopes!, breaks: breaks!, nearSlopes: nearSlopes!, nearBreaks: nearBreaks! };
}

/**
 * The least t >= 0 with f(t) = sum_i slopes_i min(t, breaks_i) = excess, or infinity where f stays below: the level of
 * water poured into vessels. `total` is the sum of the slopes.
 *
 * f rises, is concave and piecewise linear, so Newton's method from below never overshoots. A pass over all vessels picks
 * out those that end between a level known to be too low and one somewhat higher; once the root lies in between, Newton's
 * method goes on with these few alone, and is there as soon as none fills any more. Newton's steps bring the product of
 * the missing excess and the slope to a quarter or less (as in Dinkelbach's method), so that even the most uneven float32
 * weights take no more than some hundred passes; images take one or two.
 */
export function waterLevel(vessels: Vessels, total: number, excess: number): number {
  const { slopes, breaks, nearSlopes, nearBreaks } = vessels;
  let low = excess / total;
  // No excess, or one too small to make a float64 level.
  if (!(low > 0)) return 0;
  for (;;) {
    const high = low * LOOKAHEAD;
    let filled = 0;
    let filling = 0;
    let open = 0;
    let near = 0;
    for (let k = 0; k < slopes.length; k++) {
      const height = breaks[k]!;
      const slope = slopes[k]!;
      if (height > high) open += slope;
      else if (height <= low) filled += slope * height;
      else {
        filling += slope * height;
        nearSlopes[near] = slope;
        nearBreaks[near++] = height;
      }
    }
    if (filled + filling + open * high >= excess) return settle(vessels, near, excess - filled, open, low);
    if (open === 0) return Number.POSITIVE_INFINITY;
    // Not below `high` but by rounding.
    low = Math.max(high, (excess - filled - filling) / open);
  }
}

/** Newton's method on the near vessels beside those that stay `open`, from a level below all their breaks. */
function settle({ nearSlopes, nearBreaks }: Vessels, near: number, excess: number, open: number, low: number): number {
  let level = low;
  for (let known = -1; ; ) {
    let filled = 0;
    let slope = open;
    let full = 0;
    for (let k = 0; k < near; k++) {
      if (nearBreaks[k]! > level) slope += nearSlopes[k]!;
      else {
        filled += nearSlopes[k]! * nearBreaks[k]!;
        full++;
      }
    }
    if (full === known) return level;
    if (slope === 0) return Number.POSITIVE_INFINITY;
    level = Math.max(level, (excess - filled) / slope);
    known = full;
  }
}
