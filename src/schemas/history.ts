import { z } from 'zod';
import { shareSchema } from './report.ts';
import { outcomeSchema } from './service.ts';

/** What became of a schedule over time: an entry for each time it fired, and for each retry of one of its runs. */

const time = z.iso.datetime();
const digest = z.strictObject({ uri: z.string(), sha256: z.string() });

/** The accuracy of a variant. */
const variant = z.strictObject({
  id: z.string(),
  threshold: z.number().optional(),
  clean: shareSchema,
  robust: shareSchema,
});
export type HistoryVariant = z.infer<typeof variant>;

/** What a run found, as far as a history shows it; its report may have been deleted since. */
const results = z.strictObject({
  /** Prefix of the report in the runs bucket. */
  report: z.string(),
  igdVersion: z.string(),
  numerics: z.int(),
  /** Images that the report is about; fewer than those of the test data where some is missing. */
  images: z.int(),
  isPartial: z.boolean(),
  checkpoint: digest,
  data: digest.extend({ format: z.string() }),
  /** As people read them. Results of other ones are those of another question. */
  threat: z.string(),
  suite: z.string(),
  variants: z.array(variant),
});
export type HistoryResults = z.infer<typeof results>;

/** The entry that another one is compared with. */
const since = z.strictObject({ at: time, run: z.string() });

const test = z.strictObject({
  variant: z.string(),
  measure: z.enum(['clean', 'robust']),
  /** Accuracies before and now, on the images of both; the difference is now less before. */
  before: z.number(),
  now: z.number(),
  difference: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  /** McNemar's exact two-sided p-value, after Holm's correction over all tests of the comparison. */
  pValue: z.number(),
});

const compared = z.strictObject({
  /** Whether any accuracy fell, or else rose, beyond chance. */
  verdict: z.enum(['regressed', 'improved', 'unchanged']),
  sentence: z.string(),
  since,
  /** Images compared: those of both. */
  images: z.int(),
  /** None where both are the same run. */
  tests: z.array(test),
  /** What the runs were given that is not the same. */
  differences: z.array(z.strictObject({ what: z.string(), before: z.string(), now: z.string() })),
});

const uncompared = z.strictObject({
  /** Nothing came before; what came before is of another question, or gone; or there is nothing to compare. */
  verdict: z.enum(['first', 'not-compared', 'no-results']),
  sentence: z.string(),
});

/** How an entry stands against the one before it. */
const historyComparison = z.discriminatedUnion('verdict', [compared, uncompared]);
export type HistoryComparison = z.infer<typeof historyComparison>;
export type HistoryVerdict = HistoryComparison['verdict'];

/** How an attempt ended, or that there was none: the config was rejected. */
const status = z.enum([...outcomeSchema.shape.status.options, 'rejected']);

/** Written once, when an attempt at a run of the schedule ends, or when it fires for a run that has ended before or cannot be. */
export const historyEntrySchema = z.strictObject({
  schema: z.literal('igd.history-entry/1'),
  schedule: z.string(),
  /** When it fired, or when the attempt began. */
  at: time,
  /** null where the config was rejected; the attempt is 0 then. */
  run: z.string().nullable(),
  attempt: z.int(),
  status,
  endedAt: time,
  results: results.nullable(),
  comparison: historyComparison,
});
export type HistoryEntry = z.infer<typeof historyEntrySchema>;

/** history.json: all entries of a schedule, oldest first, made of their records again with each that is added. */
export const historySchema = z.strictObject({
  schema: z.literal('igd.history/1'),
  schedule: z.string(),
  igdVersion: z.string(),
  entries: z.array(historyEntrySchema),
  /** Records that this version of igd cannot read. */
  unreadable: z.int(),
});
export type History = z.infer<typeof historySchema>;

export const EVENT_SOURCE = 'igd';

/** Detail of the event that EventBridge gets of every entry: source "igd", detail-type "Robustness Compared". */
export const comparedEventSchema = z.strictObject({
  schema: z.literal('igd.compared/1'),
  stack: z.string(),
  schedule: z.string(),
  run: z.string().nullable(),
  attempt: z.int(),
  at: time,
  status,
  comparison: historyComparison,
});
export type ComparedEvent = z.infer<typeof comparedEventSchema>;
