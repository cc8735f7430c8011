/**
 * When APGD looks back. Shares of the iterations, from arXiv:2003.01690 section 3 and `autopgd_base.py` of
 * fra31/auto-attack: the first period is .22, each next one .03 shorter, none shorter than .06.
 */
const FIRST_PERIOD = 0.22;
const PERIOD_DECREASE = 0.03;
const SHORTEST_PERIOD = 0.06;

/**
 * The checkpoints of a run: the number of steps taken by then, and of those since the checkpoint before it.
 * 100 iterations: 22, 41, 57, 70, 80, 87, 93, 99.
 */
export function checkpoints(iterations: number): ReadonlyMap<number, number> {
  const periods = new Map<number, number>();
  const decrease = steps(PERIOD_DECREASE, iterations);
  const shortest = steps(SHORTEST_PERIOD, iterations);
  let period = steps(FIRST_PERIOD, iterations);
  for (let at = period; at <= iterations; at += period) {
    periods.set(at, period);
    period = Math.max(period - decrease, shortest);
  }
  return periods;
}

function steps(share: number, iterations: number): number {
  return Math.max(Math.trunc(share * iterations), 1);
}
