/**
 * The least t >= 0 with f(t) = sum_i slopes_i min(t, breaks_i) = excess, or infinity where f stays below: the level of
 * water poured into vessels of different widths and heights. Slopes and breaks are not negative.
 *
 * f rises, is concave and piecewise linear, so Newton's method from below never overshoots, and it has found the root as
 * soon as no further vessel fills. At every step the product of the remaining excess and the slope falls to a quarter or
 * less (as in Dinkelbach's method), so that even the most uneven float32 weights take some hundreds of passes at worst;
 * images take three to six.
 */
export function waterLevel(slopes: Float64Array, breaks: Float64Array, excess: number): number {
  let level = 0;
  let known = -1;
  for (;;) {
    let filled = 0;
    let open = 0;
    let full = 0;
    for (let k = 0; k < slopes.length; k++) {
      const slope = slopes[k]!;
      const height = breaks[k]!;
      if (height <= level) {
        filled += slope * height;
        full++;
      } else open += slope;
    }
    if (full === known) return level;
    if (open === 0) return Number.POSITIVE_INFINITY;
    // Below the level only by rounding.
    level = Math.max(level, (excess - filled) / open);
    known = full;
  }
}
