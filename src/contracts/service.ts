import { z } from 'zod';

/**
 * What a deployed service consists of, as the stack hands it to its functions and containers (environment variable
 * `IGD_SERVICE`, JSON) and as the command line reads it from the stack's outputs.
 */
export const serviceSchema = z.strictObject({
  /** Name of the stack. */
  stack: z.string(),
  region: z.string(),
  buckets: z.strictObject({
    /** Checkpoints and data sets. */
    inputs: z.string(),
    /** Rankings by content address, see `rankingKey`. */
    rankings: z.string(),
    /** Configs, runs and their reports, see `serviceKeys`. */
    runs: z.string(),
  }),
  queues: z.strictObject({ gpu: z.string(), cpu: z.string() }),
  /** Job definitions, by name: the newest revision is used. */
  jobDefinitions: z.strictObject({ gpu: z.string(), cpu: z.string() }),
  /** Topic that people are notified through. */
  topicArn: z.string(),
});
export type Service = z.infer<typeof serviceSchema>;

/** Keys in the runs bucket. A run's own files lie under `run(name)`, laid out as `runKeys` says. */
export const serviceKeys = {
  /** Upload a config here and it runs. */
  configs: 'configs/',
  config: (name: string) => `configs/${name}.json`,
  rejected: (name: string) => `configs/${name}.rejected.json`,
  runs: 'runs/',
  run: (run: string) => `runs/${run}/`,
} as const;

/** Keys of a run that only the service writes, under `serviceKeys.run(name)`. */
export const remoteKeys = {
  /** Written once, by whoever starts the run: its presence is the claim. */
  claim: 'claim.json',
  /** Ids of the Batch jobs submitted for a stage; its presence says the stage was submitted. */
  submission: (stage: string, attempt: number) => `jobs/${stage}.${attempt}.json`,
  progress: (stage: string, task: number) => `progress/${stage}/${String(task).padStart(5, '0')}.json`,
  failure: (stage: string, task: number) => `failures/${stage}/${String(task).padStart(5, '0')}.json`,
} as const;

/** Environment of a Batch job: which of a run's jobs it is to do. AWS adds the array index. */
export const taskSchema = z.strictObject({
  run: z.string(),
  stage: z.enum(['rank', 'evaluate', 'transfer']),
  /** First job of the stage's list this array does, and jobs each array index does. */
  offset: z.coerce.number().int().nonnegative().default(0),
  jobsPerTask: z.coerce.number().int().positive().default(1),
  device: z.enum(['cpu', 'cuda', 'webgpu']).default('cpu'),
});
export type Task = z.infer<typeof taskSchema>;

/** Names of the environment variables that carry a task. */
export const taskVariables: Readonly<Record<keyof Task, string>> = {
  run: 'IGD_RUN',
  stage: 'IGD_STAGE',
  offset: 'IGD_OFFSET',
  jobsPerTask: 'IGD_JOBS_PER_TASK',
  device: 'IGD_DEVICE',
};
