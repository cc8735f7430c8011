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

/** One shard: some images of one variant under the whole suite. */
export const shardResultSchema = z.strictObject({
  schema: z.literal('igd.shard/2'),
  numerics: numericsSchema,
  variant: z.string(),
  images: z.array(imageOutcomeSchema),
  attacks: z.array(attackUsageSchema),
  checks: modelChecksSchema,
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
