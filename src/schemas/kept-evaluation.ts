import { z } from 'zod';
import { numericsSchema } from './numerics.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Files of an evaluation in the store, by what they are in a run. */
export const EVALUATION_PARTS = ['examples', 'pictures', 'perturbations', 'record'] as const;
export type EvaluationPart = (typeof EVALUATION_PARTS)[number];

/** An evaluation that is kept for other runs: which files it has, and what they hold. */
export const keptEvaluationSchema = z.strictObject({
  schema: z.literal('igd.kept/1'),
  numerics: numericsSchema,
  /** For a reader of the store. */
  variant: z.string(),
  images: z.int().nonnegative(),
  attacks: z.array(z.string()),
  files: z.partialRecord(z.enum(EVALUATION_PARTS), z.strictObject({ sha256, bytes: z.int().nonnegative() })),
});
export type KeptEvaluation = z.infer<typeof keptEvaluationSchema>;
