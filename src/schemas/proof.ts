import { z } from 'zod';

/**
 * What is compared before a model is evaluated: with a session on the CPU that optimises nothing; an image alone and among
 * others, its logits and its gradient; the logits that come with a gradient; the gradient and central differences of the loss.
 */
export const PROOF_CHECKS = [
  'optimisation',
  'neighbours',
  'gradient session',
  'gradient among neighbours',
  'central differences',
] as const;
export type ProofCheck = (typeof PROOF_CHECKS)[number];

/** That a model computes what it says, on a few images: what was compared, and how far apart it was at worst. */
export const modelProofSchema = z.strictObject({
  /** Compared on, random ones among them. */
  images: z.int().positive(),
  seconds: z.number().nonnegative(),
  checks: z.array(
    z.strictObject({
      check: z.enum(PROOF_CHECKS),
      /** Largest relative difference; of gradients the median over images or directions. */
      difference: z.number().nonnegative(),
    }),
  ),
  /** What is odd, and no reason to refuse the model. */
  notes: z.array(z.strictObject({ code: z.string(), message: z.string() })),
});
/** That a model computes what it says, on a few images. */
export type ModelProof = z.infer<typeof modelProofSchema>;

/** The same without how long it took: equal analyses are equal to the byte. */
export const timelessProofSchema = modelProofSchema.omit({ seconds: true });
/** That a model computes what it says, whenever that was found. */
export type TimelessProof = z.infer<typeof timelessProofSchema>;
