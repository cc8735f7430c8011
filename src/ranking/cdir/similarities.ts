import { RankingError } from '../../errors.ts';
import type { SimilarityName, SimilaritySpec } from '../../schemas/similarities.ts';

/** What units are compared with concepts on: the same probe images seen by the model and by CLIP. */
export interface Features {
  readonly images: number;
  readonly units: number;
  readonly concepts: number;
  /** [images, units]: activation of each unit, its mean over positions. */
  readonly activations: Float32Array;
  /** [images, concepts]: cosine of CLIP's embeddings of the image and of the concept. */
  readonly cosines: Float32Array;
}

/** The `count` images with the highest activations of a unit, highest first; ties go to the lower image. */
export function topImages({ images, units, activations }: Features, unit: number, count: number): number[] {
  const column = new Float32Array(images);
  for (let i = 0; i < images; i++) column[i] = activations[i * units + unit]!;
  // Sorted without a comparator, which is ten times as fast, to know the value that is just in.
  const least = column.toSorted()[images - count]!;
  const above: number[] = [];
  const tied: number[] = [];
  for (let i = 0; i < images; i++) {
    if (column[i]! > least) above.push(i);
    else if (column[i] === least) tied.push(i);
  }
  above.sort((a, b) => column[b]! - column[a]! || a - b);
  return [...above, ...tied.slice(0, count - above.length)];
}

/**
 * Cosine of a unit's activations and a concept's cosines, both as vectors over the images: [units, concepts]
 * (https://github.com/Trustworthy-ML-Lab/CLIP-dissect, similarity.py, cos_similarity). Of a unit that never is active the
 * original makes NaN; here it is like nothing, 0.
 */
function cosineSimilarity(features: Features): Float64Array {
  return normalisedProducts(features, (value) => value, { centred: false, minNorm: Number.MIN_VALUE });
}

/** The same of vectors whose mean was taken off and whose elements were cubed: strong activations count for most. */
function cubedCosineSimilarity(features: Features, { minNorm }: { readonly minNorm: number }): Float64Array {
  return normalisedProducts(features, (value) => value ** 3, { centred: true, minNorm });
}

interface VectorOptions {
  readonly centred: boolean;
  readonly minNorm: number;
}

function normalisedProducts(features: Features, shaped: (value: number) => number, options: VectorOptions) {
  const { images, units, concepts, activations, cosines } = features;
  const ours = columnsOf(activations, units, shaped, options);
  const theirs = columnsOf(cosines, concepts, shaped, options);
  const products = new Float64Array(units * concepts);
  for (let image = 0; image < images; image++) {
    const row = Float64Array.from({ length: concepts }, (_, c) => theirs.valueAt(image, c));
    for (let unit = 0; unit < units; unit++) {
      const value = ours.valueAt(image, unit);
      if (value !== 0) for (let c = 0; c < concepts; c++) products[unit * concepts + c]! += value * row[c]!;
    }
  }
  return products.map((sum, i) => sum / (ours.norms[Math.floor(i / concepts)]! * theirs.norms[i % concepts]!));
}

/** The columns of [images, width] as vectors: their values, worked out when asked for, and their lengths. */
function columnsOf(values: Float32Array, width: number, shaped: (value: number) => number, options: VectorOptions) {
  const means = new Float64Array(width);
  if (options.centred) {
    for (const [i, value] of values.entries()) means[i % width]! += value;
    for (let column = 0; column < width; column++) means[column]! /= values.length / width;
  }
  const valueAt = (row: number, column: number) => shaped(values[row * width + column]! - means[column]!);
  const squares = new Float64Array(width);
  for (let row = 0; row < values.length / width; row++)
    for (let column = 0; column < width; column++) squares[column]! += valueAt(row, column) ** 2;
  return { valueAt, norms: squares.map((sum) => Math.max(Math.sqrt(sum), options.minNorm)) };
}

export interface MutualInformationOptions {
  /** Images that activate a unit most. */
  readonly topK: number;
  /** a of P = softmax(a cos(image, concept)) over concepts. */
  readonly scale: number;
  readonly lambda: number;
  readonly minProbability: number;
  /** Probability that the k-th of the images shows what the unit is for, falling evenly from pStart towards pEnd. */
  readonly pStart: number;
  readonly pEnd: number;
}

/**
 * Soft weighted pointwise mutual information, [units, concepts]:
 * score = sum_k log(1 + p_k (P_k - 1) + minProbability) - lambda (logsumexp over units of that sum - log D)
 * (CLIP-Dissect, section 3 and appendix A.1; https://github.com/Trustworthy-ML-Lab/CLIP-dissect, similarity.py, soft_wpmi).
 * With p_k = 1 it is `wpmi` of the same file.
 */
function mutualInformation(features: Features, options: MutualInformationOptions): Float64Array {
  const { units, concepts } = features;
  const { topK, lambda, minProbability, pStart, pEnd } = options;
  const scores = new Float64Array(units * concepts);
  for (let unit = 0; unit < units; unit++) {
    for (const [k, image] of topImages(features, unit, topK).entries()) {
      const p = pStart - (k / topK) * (pStart - pEnd);
      const probabilities = conceptProbabilities(features, image, options.scale);
      for (let c = 0; c < concepts; c++)
        scores[unit * concepts + c]! += Math.log(1 + p * (probabilities[c]! - 1) + minProbability);
    }
  }
  subtractCommonness(scores, units, concepts, lambda);
  return scores;
}

/** softmax(a cos(image, concept)) over concepts. */
function conceptProbabilities({ cosines, concepts }: Features, image: number, scale: number): Float64Array {
  const logits = Float64Array.from(cosines.subarray(image * concepts, (image + 1) * concepts), (x) => scale * x);
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Takes lambda log mean_d exp(score[d, c]) off every score of concept c: what fits all units says nothing of one. */
function subtractCommonness(scores: Float64Array, units: number, concepts: number, lambda: number): void {
  for (let c = 0; c < concepts; c++) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let unit = 0; unit < units; unit++) highest = Math.max(highest, scores[unit * concepts + c]!);
    let sum = 0;
    for (let unit = 0; unit < units; unit++) sum += Math.exp(scores[unit * concepts + c]! - highest);
    const commonness = highest + Math.log(sum) - Math.log(units);
    for (let unit = 0; unit < units; unit++) scores[unit * concepts + c]! -= lambda * commonness;
  }
}

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
function rankReorder(features: Features, options: RankReorderOptions): Float64Array {
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

type OptionsOf = { readonly [N in SimilarityName]: Omit<Extract<SimilaritySpec, { readonly name: N }>, 'name'> };
type SpecOf<N extends SimilarityName> = { [K in N]: { readonly name: K } & OptionsOf[K] }[N];

interface Similarity<N extends SimilarityName> {
  /** [units, concepts], in float64. */
  readonly score: (features: Features, spec: SpecOf<N>) => Float64Array;
  /** Images of a probe set of `images` that it looks at for each unit. */
  readonly looksAt: (spec: SpecOf<N>, images: number) => number;
}

/** A new way to compare is a function and a row here, with its numbers in schemas/similarities.ts. */
const SIMILARITIES: { readonly [N in SimilarityName]: Similarity<N> } = {
  soft_wpmi: { score: mutualInformation, looksAt: ({ topK }) => topK },
  wpmi: {
    score: (features, spec) => mutualInformation(features, { ...spec, pStart: 1, pEnd: 1 }),
    looksAt: ({ topK }) => topK,
  },
  rank_reorder: {
    score: (features, { topFraction, scalePower }) =>
      rankReorder(features, { topImages: Math.trunc(features.images * topFraction), scalePower }),
    looksAt: ({ topFraction }, images) => Math.trunc(images * topFraction),
  },
  cos_similarity: { score: cosineSimilarity, looksAt: (_, images) => images },
  cos_similarity_cubed: { score: cubedCosineSimilarity, looksAt: (_, images) => images },
};

/** How much each unit is like each concept: [units, concepts]. Throws RankingError where there are too few images. */
export function similarity<N extends SimilarityName>(features: Features, spec: SpecOf<N>): Float64Array {
  requireImages(spec, features.images);
  return SIMILARITIES[spec.name].score(features, spec);
}

/** Throws RankingError where a probe set of this many images is too small for the similarity. */
export function requireImages<N extends SimilarityName>(spec: SpecOf<N>, images: number): void {
  const wanted = SIMILARITIES[spec.name].looksAt(spec, images);
  if (wanted >= 2 && wanted <= images) return;
  throw new RankingError(
    `similarity ${spec.name} would look at ${wanted} of ${images} probe images for each unit: give more probe images, ` +
      'or another topK or topFraction',
  );
}
