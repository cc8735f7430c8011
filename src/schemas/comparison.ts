import { z } from 'zod';
import { shareSchema } from './report.ts';

/**
 * Two runs compared on the images that both have. `a` is the earlier one, or the baseline; every difference is b less a.
 * Shares are in [0, 1].
 */

const interval = z.tuple([z.number(), z.number()]);

/** One measure of one variant in both runs, by McNemar's exact test. */
const pairedMeasure = z.strictObject({
  a: shareSchema,
  b: shareSchema,
  /** Accuracy in b less that in a, and its 95% interval (Newcombe's, for pairs). */
  difference: z.number(),
  interval,
  /** Images right in a alone, in b alone. */
  onlyA: z.int(),
  onlyB: z.int(),
  /** Two-sided. */
  pValue: z.number(),
  /** Holm's correction of it over both measures of all variants compared: what is to be held against a significance level. */
  adjusted: z.number(),
});
export type PairedMeasure = z.infer<typeof pairedMeasure>;

/** What became of an image under a variant. */
const fate = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('robust') }),
  z.strictObject({ state: z.literal('broken'), attack: z.string(), prediction: z.int().nullable() }),
  /** From the start; the prediction is null where there is none. */
  z.strictObject({ state: z.literal('wrong'), prediction: z.int().nullable() }),
]);
export type Fate = z.infer<typeof fate>;

const sides = z.strictObject({ a: z.number(), b: z.number() });

const variant = z.strictObject({
  id: z.string(),
  clean: pairedMeasure,
  robust: pairedMeasure,
  /** Images that each attack of either suite broke; null where that run's suite does not have it. */
  perAttack: z.array(z.strictObject({ attack: z.string(), a: z.int().nullable(), b: z.int().nullable() })),
  /** Of the classes that occur among the images compared. */
  perClass: z.array(z.strictObject({ class: z.int(), name: z.string(), images: z.int(), clean: sides, robust: sides })),
  /** Images that came to another end in b, rising. */
  changed: z.array(z.strictObject({ image: z.int(), label: z.int(), a: fate, b: fate })),
});
export type ComparedVariant = z.infer<typeof variant>;

const run = z.strictObject({
  name: z.string(),
  id: z.string(),
  igdVersion: z.string(),
  /** All that its report is about. */
  images: z.int(),
  /** Variants that the other run does not have. */
  only: z.array(z.string()),
});

/** Two runs compared on the same images: what `igd check --json` prints. */
export const runComparisonSchema = z.strictObject({
  schema: z.literal('igd.comparison/1'),
  a: run,
  b: run,
  /** Images compared: those that both reports are about. */
  images: z.int(),
  /** What the runs were given that is not the same. */
  differences: z.array(z.strictObject({ what: z.string(), a: z.string(), b: z.string() })),
  /** Why robust accuracies are not of the same question, a sentence each: another threat model, other attacks. */
  cautions: z.array(z.string()),
  variants: z.array(variant),
});
export type RunComparison = z.infer<typeof runComparisonSchema>;
