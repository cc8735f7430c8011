import { z } from 'zod';
import { numericsSchema } from './numerics.ts';

/** What jobs leave behind. Everything a report says is computed from these; nothing here depends on how a run was cut up. */

const prediction = z.int().nonnegative();

export const attackUsageSchema = z.strictObject({
  attack: z.string(),
  /** Wall time of this attack in this shard. */
  seconds: z.number().nonnegative(),
  /** Images whose logits were computed without a gradient, and with one. */
  forwards: z.int().nonnegative(),
  gradients: z.int().nonnegative(),
  /** Part of `seconds` spent inside onnxruntime. */
  runtimeSeconds: z.number().nonnegative(),
});
/** What an attack has cost: images evaluated without a gradient and with one, and seconds. */
export type AttackUsage = z.infer<typeof attackUsageSchema>;

export const imageOutcomeSchema = z.strictObject({
  /** Index in the data set. */
  image: z.int().nonnegative(),
  label: prediction,
  /** null where the model gives none: its logits are NaN or infinite. */
  cleanPrediction: prediction.nullable(),
  /** The attack that broke it; null where it was wrong from the start or no attack broke it. */
  brokenBy: z.string().nullable(),
  /** Prediction on the adversarial example; null where there is none. */
  adversarialPrediction: prediction.nullable(),
  /** Every attack that broke it, where not all of them only saw what others had left robust. */
  brokenByEach: z.array(z.string()).optional(),
  /** Attacks that met a point within the threat model at which the model gives no prediction. */
  unpredicted: z.array(z.string()).optional(),
});
export type ImageOutcome = z.infer<typeof imageOutcomeSchema>;

/** What may make robust accuracy worthless, measured on the correctly classified images before any attack. */
export const modelChecksSchema = z.strictObject({
  /** Evaluated several times, the model answered differently. */
  randomised: z.boolean(),
  /** Its outputs look like probabilities: losses on logits are blind to what softmax flattens. */
  probabilities: z.boolean(),
  /** Images whose cross-entropy gradient was exactly zero at the clean image. */
  zeroGradientImages: z.int().nonnegative(),
  /** Images of which it was NaN or infinite there; left out where it never was. */
  nonFiniteGradientImages: z.int().positive().optional(),
});
/** What may make robust accuracy worthless, measured before any attack: `checks.py` of fra31/auto-attack. */
export type ModelChecks = z.infer<typeof modelChecksSchema>;

/** What becomes of adversarial examples that are rounded as files of images hold them. */
const quantisedExamplesSchema = z.strictObject({
  /** 8 bits are steps of 1/255. */
  bits: z.int().min(1).max(16),
  /** Broken images whose rounded example is classified as its label, in image order. */
  right: z.array(z.int().nonnegative()),
  /** Those of whose rounded example the model gives no prediction; left out where there are none. */
  unpredicted: z.array(z.int().nonnegative()).optional(),
  /** How many rounded examples are farther from their image than epsilon. */
  outside: z.int().nonnegative(),
  /** How many of the broken images are not of so many bits themselves. */
  offGrid: z.int().nonnegative(),
});
/** What becomes of adversarial examples that are rounded as files of images hold them. */
export type QuantisedExamples = z.infer<typeof quantisedExamplesSchema>;

/** One shard: some images of one variant under the whole suite. */
export const shardResultSchema = z.strictObject({
  schema: z.literal('igd.shard/2'),
  numerics: numericsSchema,
  variant: z.string(),
  images: z.array(imageOutcomeSchema),
  attacks: z.array(attackUsageSchema),
  checks: modelChecksSchema,
  /** Of evaluations; not in those of runs before it was looked at. */
  quantised: quantisedExamplesSchema.optional(),
});
export type ShardResult = z.infer<typeof shardResultSchema>;

/** One variant evaluated on the adversarial examples of every variant, for some images. */
export const transferResultSchema = z.strictObject({
  schema: z.literal('igd.transfer/1'),
  numerics: numericsSchema,
  /** The variant that is evaluated. */
  variant: z.string(),
  /**
   * For each source variant: image index and prediction, for the images that source has an adversarial example of; null where
   * the variant gives no prediction.
   */
  sources: z.array(
    z.strictObject({
      variant: z.string(),
      predictions: z.array(z.strictObject({ image: z.int().nonnegative(), prediction: prediction.nullable() })),
    }),
  ),
});
export type TransferResult = z.infer<typeof transferResultSchema>;
