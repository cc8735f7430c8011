/** A simple random sample without replacement: of `population` items `sample` were looked at, and `marked` of those had the mark. */
export interface SampleCount {
  readonly population: number;
  readonly sample: number;
  readonly marked: number;
}

/** Rounding of a tail may not shut out a value that stands on the edge: the interval is then wider by it, never too narrow. */
const EDGE = 1e-9;

/**
 * How many items of the population have the mark, with `confidence` two-sided: every number under which what was seen is not
 * too rare on either side (exact: the hypergeometric tails are inverted, as Clopper and Pearson, Biometrika 26 (1934), do for
 * the binomial). It covers the truth at least as often as it says, whatever the truth is; a sample of all gives a point.
 */
export function markedInterval(
  { population, sample, marked }: SampleCount,
  confidence: number,
): [low: number, high: number] {
  const rare = ((1 - confidence) / 2) * (1 - EDGE);
  // So many were seen to have it, and so many not to.
  const [least, most] = [marked, population - (sample - marked)];
  const low = leastWith(least, most, (total) => 1 - atMost(marked - 1, { population, total, sample }) > rare);
  const tooMany = leastWith(low, most + 1, (total) => !(atMost(marked, { population, total, sample }) > rare));
  return [low, Math.max(low, tooMany - 1)];
}

interface Draw {
  readonly population: number;
  /** Items of the population that have the mark. */
  readonly total: number;
  readonly sample: number;
}

/**
 * Probability that a sample holds at most `x` marked items. Summed on the side of `x` that its mean is not on, where terms
 * only fall: a few standard deviations of them, however large the population.
 */
export function atMost(x: number, draw: Draw): number {
  const { population, total, sample } = draw;
  const unmarked = population - total;
  const [least, most] = [Math.max(0, sample - unmarked), Math.min(sample, total)];
  if (x < least) return 0;
  if (x >= most) return 1;
  if (x < (sample * total) / population) {
    const down = (i: number) => (i * (unmarked - sample + i)) / ((total - i + 1) * (sample - i + 1));
    return tail(probability(x, draw), x - least, (step) => down(x - step));
  }
  const up = (i: number) => ((total - i) * (sample - i)) / ((i + 1) * (unmarked - sample + i + 1));
  return 1 - tail(probability(x + 1, draw), most - x - 1, (step) => up(x + 1 + step));
}

/** first + first r(0) + first r(0) r(1) + ..., until nothing is added. */
function tail(first: number, terms: number, ratio: (step: number) => number): number {
  let sum = first;
  let term = first;
  for (let step = 0; step < terms && term > sum * Number.EPSILON; step++) {
    term *= ratio(step);
    sum += term;
  }
  return Math.min(1, sum);
}

/** That a sample holds exactly `x`, x being possible. */
function probability(x: number, { population, total, sample }: Draw): number {
  return Math.exp(logChoose(total, x) + logChoose(population - total, sample - x) - logChoose(population, sample));
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const EXACT = 32;
const SMALL = Array.from({ length: EXACT }, () => 0);
for (let n = 2; n < EXACT; n++) SMALL[n] = SMALL[n - 1]! + Math.log(n);

/** ln n!: Stirling's series, whose first term left out is 1 / (1680 n^7), below 2e-14 from 32 on. */
export function logFactorial(n: number): number {
  if (n < EXACT) return SMALL[n]!;
  const series = 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + series;
}

/** The least whole number in [low, high] of which `holds` is true, as it is from some number on; `high` is taken for true. */
export function leastWith(low: number, high: number, holds: (value: number) => boolean): number {
  let [below, above] = [low, high];
  while (below < above) {
    const middle = Math.floor((below + above) / 2);
    if (holds(middle)) above = middle;
    else below = middle + 1;
  }
  return below;
}
