/** The 97.5% quantile of the standard normal distribution: two-sided 95%. */
export const Z_95 = 1.959963984540054;

/** McNemar's p-values below this count as evidence of a difference. */
export const SIGNIFICANCE = 0.05;

/**
 * The 95% score interval of a share, `correct` of `total`. Unlike the textbook interval it stays inside [0, 1] and is not
 * empty at 0 or 1. E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
 * `size` is the number of independent ones that tell as much as these `total`.
 */
export function wilsonInterval(correct: number, total: number, size = total): [low: number, high: number] {
  if (total === 0) return [0, 1];
  const share = correct / total;
  const shrinkage = 1 + Z_95 ** 2 / size;
  const centre = (share + Z_95 ** 2 / (2 * size)) / shrinkage;
  const half = (Z_95 / shrinkage) * Math.sqrt((share * (1 - share)) / size + Z_95 ** 2 / (4 * size ** 2));
  // At 0 and 1 the ends are exact; rounding would leave them a hair away.
  return [correct === 0 ? 0 : centre - half, correct === total ? 1 : centre + half];
}

/** How often two classifiers were right on the same images. */
export interface PairedCounts {
  readonly correctA: number;
  readonly correctB: number;
  /** Images right under a alone, under b alone. */
  readonly onlyA: number;
  readonly onlyB: number;
  readonly total: number;
}

/**
 * The 95% interval of share b less share a on the same images: Wilson's intervals of both, joined with their correlation
 * phi. R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on paired
 * data", Statistics in Medicine 17 (1998), without correction for continuity.
 */
export function pairedInterval({ correctA, correctB, onlyA, onlyB, total }: PairedCounts): [low: number, high: number] {
  const both = correctA - onlyA;
  const neither = total - both - onlyA - onlyB;
  const spread = Math.sqrt(correctA * (total - correctA) * correctB * (total - correctB));
  const phi = spread === 0 ? 0 : (both * neither - onlyA * onlyB) / spread;
  const [a, b] = [correctA / total, correctB / total];
  const [[lowA, highA], [lowB, highB]] = [wilsonInterval(correctA, total), wilsonInterval(correctB, total)];
  const reach = (towardsB: number, towardsA: number) =>
    Math.sqrt(Math.max(0, towardsB ** 2 - 2 * phi * towardsB * towardsA + towardsA ** 2));
  return [b - a - reach(b - lowB, highA - a), b - a + reach(highB - b, a - lowA)];
}

/**
 * Exact two-sided p-value of McNemar's test: two classifiers saw the same images, `onlyA` were right under a alone,
 * `onlyB` under b alone. Were they equally good, each discordant image would fall to either side like a fair coin, so
 * the p-value is a binomial tail. Q. McNemar, "Note on the sampling error of the difference between correlated
 * proportions or percentages", Psychometrika 12 (1947); the exact form is scipy's `binomtest(onlyA, onlyA + onlyB)`.
 */
export function mcnemarExact(onlyA: number, onlyB: number): number {
  const discordant = onlyA + onlyB;
  const smaller = Math.min(onlyA, onlyB);
  // 2^-n leaves the range of doubles at n = 1,075, so the largest term of the tail is taken in logarithms; the others
  // are summed as multiples of it: C(n, i - 1) = C(n, i) i / (n - i + 1).
  let logLargest = -discordant * Math.LN2;
  for (let i = 1; i <= smaller; i++) logLargest += Math.log((discordant - smaller + i) / i);
  let multiple = 1;
  let tail = 1;
  for (let i = smaller; i > 0; i--) {
    multiple *= i / (discordant - i + 1);
    tail += multiple;
  }
  return Math.min(1, 2 * Math.exp(logLargest) * tail);
}

/**
 * Holm's correction of the p-values of several tests, in their order: whoever calls significant what is below alpha is wrong
 * about any of them with a probability of at most alpha, however they depend on each other. S. Holm, "A simple sequentially
 * rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length).fill(1);
  let highest = 0;
  for (const [rank, index] of [...pValues.keys()].sort((a, b) => pValues[a]! - pValues[b]!).entries()) {
    highest = Math.max(highest, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = highest;
  }
  return adjusted;
}

/** P(X >= successes) of X ~ Binomial(trials, p): scipy's `binom.sf(successes - 1, trials, p)`. */
export function binomialTail(successes: number, trials: number, p: number): number {
  if (successes <= 0) return 1;
  let log = trials * Math.log1p(-p);
  let tail = 0;
  for (let k = 0; k <= trials; k++) {
    if (k >= successes) tail += Math.exp(log);
    log += Math.log(((trials - k) / (k + 1)) * (p / (1 - p)));
  }
  return Math.min(1, tail);
}
