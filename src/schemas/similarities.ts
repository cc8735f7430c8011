import { z } from 'zod';

/**
 * How a unit's activations are compared with what CLIP sees, and the numbers of each way; defaults are those of
 * https://github.com/Trustworthy-ML-Lab/CLIP-dissect, similarity.py.
 */
const topK = z.int().positive();
const factor = z.number().positive();
const probability = z.number().min(0).max(1);
const minProbability = z.number().positive().default(1e-7);

const softWpmi = z.strictObject({
  name: z.literal('soft_wpmi'),
  /** Images that activate a unit most. */
  topK: topK.default(100),
  /** a: cosines are multiplied by it before the softmax over concepts. */
  scale: factor.default(10),
  /** Weight of how common a concept is. */
  lambda: z.number().nonnegative().default(1),
  minProbability,
  /** Probability that the first, and nearly the last, of the images shows what the unit is for. */
  pStart: probability.default(0.998),
  pEnd: probability.default(0.97),
});

const wpmi = z.strictObject({
  name: z.literal('wpmi'),
  topK: topK.default(28),
  scale: factor.default(2),
  lambda: z.number().nonnegative().default(0.6),
  minProbability,
});

const rankReorder = z.strictObject({
  name: z.literal('rank_reorder'),
  /** Share of the images, those that activate a unit most. */
  topFraction: probability.default(0.05),
  /** Power of the mean cosine that errors are divided by. */
  scalePower: z.number().nonnegative().default(0.5),
});

const cosine = z.strictObject({ name: z.literal('cos_similarity') });

const cosineCubed = z.strictObject({
  name: z.literal('cos_similarity_cubed'),
  /** Shorter vectors count as this long. */
  minNorm: factor.default(1e-3),
});

export const similaritySpecSchema = z.discriminatedUnion('name', [softWpmi, wpmi, rankReorder, cosine, cosineCubed]);

/** A similarity with its numbers. */
export type SimilaritySpec = z.infer<typeof similaritySpecSchema>;
/**
 * How activations and CLIP are compared, by the names of CLIP-Dissect
 * (arXiv:2204.10965): `soft_wpmi`, `wpmi`, `rank_reorder`, `cos_similarity` or `cos_similarity_cubed`.
 */
export type SimilarityName = SimilaritySpec['name'];

export const SIMILARITY_NAMES = [
  'soft_wpmi',
  'wpmi',
  'rank_reorder',
  'cos_similarity',
  'cos_similarity_cubed',
] as const satisfies readonly SimilarityName[];

/** A name, or a name and numbers: {"name": "soft_wpmi", "topK": 50}. */
export const similaritySchema = z.union([
  z.enum(SIMILARITY_NAMES).transform((name) => similaritySpecSchema.parse({ name })),
  similaritySpecSchema,
]);
