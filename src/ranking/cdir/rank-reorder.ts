import { type Features, topImages } from './features.ts';

export interface RankReorderOptions {
  /** Images per unit, those that activate it most. */
  readonly topImages: number;
  /** Power of the mean cosine that errors are divided by. */
  readonly scalePower: number;
}

/**
 * How well CLIP's order of the images that activate a unit most agrees with the unit's own, [units, concepts]: minus the mean
 * cubed difference between the activations and the same activations in CLIP's order, over that of a random order, over a
 * power of the mean cosine (https://github.com/Trustworthy-ML-Lab/CLIP-dissect, similarity.py, rank_reorder). The original
 * draws five random orders; here it is the mean over all of them, so that a ranking does not depend on a seed.
 */
export function rankReorder(features: Features, options: RankReorderOptions): Float64Array {
  const { units, concepts, activations, cosines } = features;
  const scores = new Float64Array(units * concepts);
  for (let unit = 0; unit < units; unit++) {
    const images = topImages(features, unit, options.topImages);
    const falling = Float64Array.from(images, (image) => activations[image * units + unit]!);
    const rising = falling.toReversed();
    const random = meanCubedDifference(rising);
    for (let c = 0; c < concepts; c++) {
      const seen = images.map((image) => cosines[image * concepts + c]!);
      const ranks = ranksOf(seen);
      const error = meanOf(falling.map((value, i) => Math.abs(value - rising[ranks[i]!]!) ** 3));
      // All activations equal: no order is better than a random one. The original divides 0 by 0.
      const relative = random === 0 ? 1 : error / random;
      scores[unit * concepts + c] = -relative / meanOf(seen) ** options.scalePower;
    }
  }
  return scores;
}

/** Mean of |a - b|^3 over all pairs of values, which rise: in one pass, with the sums of the powers so far. */
export function meanCubedDifference(rising: Float64Array): number {
  // Differences do not change with the origin; near zero the powers do not cancel.
  const origin = meanOf(rising);
  const sums = [0, 0, 0, 0] as [number, number, number, number];
  let total = 0;
  for (const value of rising) {
    const x = value - origin;
    total += sums[0] * x ** 3 - 3 * sums[1] * x ** 2 + 3 * sums[2] * x - sums[3];
    for (let power = 0; power < sums.length; power++) sums[power]! += x ** power;
  }
  const spread = (rising.at(-1) ?? 0) - (rising[0] ?? 0);
  return spread === 0 ? 0 : (2 * total) / rising.length ** 2;
}

/** The place of each value among all in rising order; ties in the order given. */
function ranksOf(values: readonly number[]): Uint32Array {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]! || a - b);
  const ranks = new Uint32Array(values.length);
  for (const [rank, i] of order.entries()) ranks[i] = rank;
  return ranks;
}

function meanOf(values: Iterable<number> & { readonly length: number }): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
