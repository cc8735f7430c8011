import { z } from 'zod';
import { ATTACK_OUTCOMES, UNIT_GROUPS } from './analysis.ts';
import { SUITE_NAMES } from './attacks.ts';

/**
 * Numbers that others published for the run a config describes, to be printed beside ours. They change nothing a run
 * computes and are no part of its identity.
 */

/** In percent, as papers and logs print it: 53.34. */
const percent = z.number().min(0).max(100);

/** In percentage points, either way. */
const points = z.number().min(-100).max(100);

const accuracies = { clean: percent.optional(), robust: percent.optional() };

const variantSchema = z.strictObject({
  ...accuracies,
  worstCase: percent.optional(),
  /** What an attack, or the last attack of a group, left: by its name in the suite, or by its group's. */
  attacks: z.record(z.string(), percent).optional(),
  /** Over variant `none`, for sources that give no more than that. */
  gain: z.strictObject({ clean: points.optional(), robust: points.optional() }).optional(),
  /** Of the class with the highest and of that with the lowest accuracy, each measure for itself. */
  bestClass: z.strictObject(accuracies).optional(),
  worstClass: z.strictObject(accuracies).optional(),
  note: z.string().min(1).optional(),
});
export type PublishedVariant = z.infer<typeof variantSchema>;

export const publishedSchema = z.strictObject({
  /** Where the numbers stand: paper and table, or repository and file. */
  source: z.string().min(1),
  /** Images they are over. */
  images: z.int().positive().optional(),
  /** Attacks they are under, where they are those of a suite. */
  suite: z.enum(SUITE_NAMES).optional(),
  /** What else sets them apart from what this config does, or why there are none. */
  note: z.string().min(1).optional(),
  /** By the id of a variant of this config. */
  variants: z.record(z.string(), variantSchema).default({}),
  /** For `igd analyze`: relative change of activations in percent. */
  shift: z.partialRecord(z.enum(ATTACK_OUTCOMES), z.partialRecord(z.enum(UNIT_GROUPS), z.number())).optional(),
});
export type Published = z.infer<typeof publishedSchema>;
