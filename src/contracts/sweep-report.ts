import { z } from 'zod';
import { shareSchema } from './report.ts';
import { SWEEP_KEYS } from './sweep.ts';

const variant = z.strictObject({
  id: z.string(),
  mask: z.enum(['none', 'two-pass', 'top-k', 'confidence']),
  threshold: z.number().optional(),
  clean: shareSchema,
  robust: shareSchema,
  worstCase: shareSchema,
});
export type SweepVariant = z.infer<typeof variant>;

const run = z.strictObject({
  /** As the config writes it: 25, "8/255", "layer3". */
  value: z.union([z.number(), z.string()]),
  /** The run's folder beside this file, where its own report is. */
  folder: z.string(),
  id: z.string(),
  images: z.int(),
  variants: z.array(variant),
});

/** sweep.json: runs that differ in one key of their config, in the order of its values. */
export const sweepReportSchema = z.strictObject({
  schema: z.literal('igd.sweep/1'),
  name: z.string(),
  key: z.enum(SWEEP_KEYS),
  igdVersion: z.string(),
  runs: z.array(run).min(1),
});
export type SweepReport = z.infer<typeof sweepReportSchema>;

/** What is plotted and tabled of every run. */
export const SWEEP_MEASURES = ['clean', 'robust', 'worstCase'] as const;
export type SweepMeasure = (typeof SWEEP_MEASURES)[number];
