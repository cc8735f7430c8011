import { z } from 'zod';

/** One of the processes that do a run together. */
export const processRecordSchema = z.strictObject({
  schema: z.literal('igd.process/1'),
  /** Identity of the plan it does. */
  plan: z.string(),
  /** Host and process namespace: where `pid` means something. */
  machine: z.string(),
  pid: z.int(),
  /** Counts up for as long as the process lives. */
  beat: z.int().nonnegative(),
});
export type ProcessRecord = z.infer<typeof processRecordSchema>;

/** Who does a job. */
export const jobLeaseSchema = z.strictObject({
  schema: z.literal('igd.job-lease/1'),
  /** Id of a process's record. */
  holder: z.string(),
});
