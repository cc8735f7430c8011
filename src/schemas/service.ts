import { z } from 'zod';

/** Devices whose images a stack may be deployed with for its GPU jobs. */
export const GPU_DEVICES = ['cuda', 'webgpu'] as const;

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
  /** What the image of GPU jobs computes with. Stacks that do not say so are of a time when that was CUDA. */
  gpuDevice: z.enum(GPU_DEVICES).default('cuda'),
  /** Topic that people are notified through. */
  topicArn: z.string(),
  /** Days after which a run's files are deleted; 0: never, or the stack is of a time when it did not say. */
  retentionDays: z.int().nonnegative().default(0),
  /** What an hour of a container is taken to cost: of the GPU queue, and of the CPU queue. */
  hourDollars: z.strictObject({ gpu: z.number(), cpu: z.number() }).default({ gpu: 1.01, cpu: 0.2 }),
  /** What an attempt of a run may cost whose config says nothing; null: as much as it takes. */
  maxDollars: z.number().positive().nullable().default(null),
  /** Whether the queues share their machines between runs: then every job says whose it is, and else none may. */
  fairShare: z.boolean().default(false),
  /** Compute environments on demand that are off until a queue has stood still for so long; null: they are always on. */
  onDemand: z
    .strictObject({
      afterMinutes: z.number().positive(),
      environments: z.strictObject({ gpu: z.string(), cpu: z.string() }),
    })
    .nullable()
    .default(null),
});
export type Service = z.infer<typeof serviceSchema>;

/** Where `igd submit` puts files in the inputs bucket, each under its SHA-256. */
export const UPLOADS = 'inputs/';

/** What the reconciler measures of each queue, by stack and queue: minutes for which jobs have waited and none has started. */
export const STANDSTILL_METRIC = { namespace: 'igd', name: 'StandstillMinutes' } as const;

/**
 * Keys in the runs bucket. A run's own files lie under `run(name)`: those of a local run's folder, as `runKeys` says, and
 * those of `remoteKeys`. A run is done in attempts: the first, and one for each `igd retry`.
 */
export const serviceKeys = {
  /** Upload a config here and it runs. */
  configs: 'configs/',
  config: (name: string) => `configs/${name}.json`,
  /** The newest answers under a name, for people: why nothing started, and which run it is. */
  rejected: (name: string) => `configs/${name}.rejected.json`,
  accepted: (name: string) => `configs/${name}.accepted.json`,
  /** The answer to each upload; in the order of the uploads, see `uploadOrder`. */
  answers: 'answers/',
  answersTo: (name: string) => `answers/${name}/`,
  answer: (name: string, order: string, sha256: string, kind: AnswerKind) =>
    `answers/${name}/${order}.${sha256}.${kind}.json`,
  /** What became of each time a schedule fired. It outlives the runs. */
  history: 'history/',
  historyOf: (schedule: string) => `history/${schedule}/`,
  /** Written once. `at`: as `Date` writes it, so that keys sort by time. */
  historyEntry: (schedule: string, at: string, run: string) => `history/${schedule}/${at}-${run}.json`,
  /** That people were told of it, where no attempt's end tells them. */
  historyTold: (schedule: string, at: string, run: string) => `history/${schedule}/.told/${at}-${run}.json`,
  /** Who tells people, in one of the turns in which somebody may. */
  historyTelling: (schedule: string, at: string, run: string, turn: number) =>
    `history/${schedule}/.told/${at}-${run}.turn.${turn}.json`,
  runs: 'runs/',
  run: (run: string) => `runs/${run}/`,
  /** Pattern of where jobs save what they have so far, of every run: all that a job may remove again. */
  states: 'runs/*/state/*',
  /** What was started and how it ended, by key alone: listing it tells which runs are unfinished. */
  index: 'runs/.index/',
  /** Written once, by whoever starts the attempt. */
  claim: (run: string, attempt: number) => `runs/.index/${run}/${padded(attempt, 3)}.json`,
  /** Written once, by whoever finishes the attempt. */
  outcome: (run: string, attempt: number) => `runs/.index/${run}/${padded(attempt, 3)}.outcome.json`,
  /** Written once all that follows an outcome is done: people are told, or the jobs of a cancelled run are ended. */
  settled: (run: string, attempt: number) => `runs/.index/${run}/${padded(attempt, 3)}.settled.json`,
  /** That the attempt could not be gone on with in one of the reconciler's turns, and why. */
  problem: (run: string, attempt: number, turn: number) =>
    `runs/.index/${run}/${padded(attempt, 3)}.problem.${turn}.json`,
  /** That a schedule has started the run, or would have. */
  scheduled: (run: string, schedule: string) => `${serviceKeys.schedulesOf(run)}${schedule}.json`,
  schedulesOf: (run: string) => `runs/.index/${run}/schedules/`,
} as const;

/** What the service makes of a config. */
export type AnswerKind = 'accepted' | 'rejected';

/** Keys of a run that only the service writes, under `serviceKeys.run(name)`. */
export const remoteKeys = {
  /** What a stage of an attempt is to do; its presence says that somebody is submitting it. */
  stage: (attempt: number, stage: StageName) => `attempts/${padded(attempt, 3)}/${stage}.json`,
  /** Who goes on submitting a stage that somebody left half submitted. */
  stageLease: (attempt: number, stage: StageName, term: number) =>
    `attempts/${padded(attempt, 3)}/${stage}.lease.${term}.json`,
  /** What its evaluations are expected to cost, once it is known and where it matters. */
  estimate: (attempt: number) => `attempts/${padded(attempt, 3)}/estimate.json`,
  /** Who settles an outcome that somebody left unsettled. */
  outcomeLease: (attempt: number, term: number) => `attempts/${padded(attempt, 3)}/outcome.lease.${term}.json`,
  /** The Batch job of one of its arrays. */
  submission: (attempt: number, stage: StageName, array: number) =>
    `${remoteKeys.submissionsOf(attempt)}${stage}.${array}.json`,
  /** What submissions of an attempt start with, among other records. */
  submissionsOf: (attempt: number) => `attempts/${padded(attempt, 3)}/`,
  progress: (attempt: number, stage: StageName, task: number) =>
    `${remoteKeys.progressOf(attempt, stage)}${padded(task, 5)}.json`,
  progressOf: (attempt: number, stage: StageName) => `progress/${padded(attempt, 3)}/${stage}/`,
  failure: (attempt: number, stage: StageName, task: number) =>
    `${remoteKeys.failuresOf(attempt, stage)}${padded(task, 5)}.json`,
  failuresOf: (attempt: number, stage: StageName) => `failures/${padded(attempt, 3)}/${stage}/`,
  /** Report of an attempt that left something missing; the report of a whole run lies beside the plan. */
  partial: (attempt: number) => `partial/${padded(attempt, 3)}/`,
} as const;

/** In the order they are done; `stagesOf` tells which of them a plan has. */
export const STAGE_NAMES = ['rank', 'craft', 'evaluate', 'transfer', 'audit'] as const;
export type StageName = (typeof STAGE_NAMES)[number];

/** Environment of a Batch job: which of a run's jobs it is to do. AWS adds the array index. */
export const taskSchema = z.strictObject({
  run: z.string(),
  stage: z.enum(STAGE_NAMES),
  attempt: z.coerce.number().int().positive().default(1),
  /** First position in the stage's `jobs` this array does, and jobs each array index does. */
  offset: z.coerce.number().int().nonnegative().default(0),
  jobsPerTask: z.coerce.number().int().positive().default(1),
});
export type Task = z.infer<typeof taskSchema>;

/** Names of the environment variables that carry a task. */
export const taskVariables: Readonly<Record<keyof Task, string>> = {
  run: 'IGD_RUN',
  stage: 'IGD_STAGE',
  attempt: 'IGD_ATTEMPT',
  offset: 'IGD_OFFSET',
  jobsPerTask: 'IGD_JOBS_PER_TASK',
};

/** Exit codes of a container: what the job definition retries and what it does not. */
export const taskExitCodes = {
  /** The work failed: the next time would be the same, for all anybody knows. */
  failed: 1,
  /** Bad input: the next time would be the same. */
  badInput: 2,
  /** A network, a bucket that was busy for long, or a device that does not compute: may go better next time, elsewhere. */
  temporary: 75,
  /** Told to stop (SIGTERM), as before a Spot reclaim: again, elsewhere. */
  interrupted: 143,
} as const;

const time = z.iso.datetime();

export const claimSchema = z.strictObject({
  schema: z.literal('igd.claim/1'),
  /** Name the config was uploaded under. */
  config: z.string(),
  /** `NAME:REVISION` of the job definition that its jobs are submitted with; attempts of before took the newest each time. */
  jobDefinition: z.string().optional(),
  /** What the attempt may cost, where somebody has approved it; else its config, or the stack, says. */
  maxDollars: z.number().positive().optional(),
  at: time,
});
export type Claim = z.infer<typeof claimSchema>;

export const outcomeSchema = z.strictObject({
  schema: z.literal('igd.outcome/1'),
  /** `held`: it is expected to cost more than it may, and waits for somebody who approves. */
  status: z.enum(['complete', 'partial', 'failed', 'cancelled', 'held']),
  /** One sentence for people. */
  message: z.string(),
  at: time,
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** Written once, when the task of an attempt's evaluation that was sent ahead has ended. */
export const costEstimateSchema = z.strictObject({
  schema: z.literal('igd.cost-estimate/1'),
  /** Seconds that the one task took, and tasks of the stage. */
  seconds: z.number(),
  tasks: z.int().positive(),
  dollars: z.number(),
  /** What the attempt may cost. */
  maxDollars: z.number(),
  at: time,
});
export type CostEstimate = z.infer<typeof costEstimateSchema>;

export const notifiedSchema = z.strictObject({ schema: z.literal('igd.settled/1'), at: time });

export const problemSchema = z.strictObject({ schema: z.literal('igd.problem/1'), problem: z.string(), at: time });

export const scheduledSchema = z.strictObject({
  schema: z.literal('igd.scheduled/1'),
  /** When the schedule first fired that asks for the run. */
  at: time,
});

export const leaseSchema = z.strictObject({ schema: z.literal('igd.lease/1'), at: time });

export const stageSchema = z.strictObject({
  schema: z.literal('igd.stage/1'),
  /** Positions in the plan's list of the stage's jobs. */
  jobs: z.array(z.int().nonnegative()),
  jobsPerTask: z.int().positive(),
  /** Whether the first task is a Batch job of its own, which the others wait for; stages of before have none. */
  canary: z.literal(true).optional(),
  at: time,
});
export type StageWork = z.infer<typeof stageSchema>;

export const submissionSchema = z.strictObject({
  schema: z.literal('igd.submission/1'),
  jobId: z.string(),
  name: z.string(),
  tasks: z.int().positive(),
  at: time,
});
export type Submission = z.infer<typeof submissionSchema>;

export const taskProgressSchema = z.strictObject({
  schema: z.literal('igd.progress/1'),
  task: z.int().nonnegative(),
  /** Jobs of this task, and those done. */
  jobs: z.int().nonnegative(),
  done: z.int().nonnegative(),
  /** The job in hand, e.g. "conf@0.8 shard 3", and how far it is. */
  job: z.string().nullable(),
  fraction: z.number(),
  attack: z.string().nullable(),
  robust: z.int().nullable(),
  images: z.int().nullable(),
  startedAt: time,
  at: time,
});
export type TaskProgress = z.infer<typeof taskProgressSchema>;

export const taskFailureSchema = z.strictObject({
  schema: z.literal('igd.failure/1'),
  task: z.int().nonnegative(),
  job: z.string().nullable(),
  message: z.string(),
  exitCode: z.int(),
  at: time,
});
export type TaskFailure = z.infer<typeof taskFailureSchema>;

/** Why an uploaded config started nothing. */
export const rejectionSchema = z.strictObject({
  schema: z.literal('igd.rejected/1'),
  /** SHA-256 of the config's text: which upload this answers. */
  sha256: z.string(),
  problems: z.array(z.string()),
  at: time,
});

/** Which run an uploaded config is. */
export const acceptanceSchema = z.strictObject({
  schema: z.literal('igd.accepted/1'),
  sha256: z.string(),
  run: z.string(),
  /** False where the run had been started before. */
  started: z.boolean(),
  at: time,
});

/** What the service made of an upload. */
export const answerSchema = z.discriminatedUnion('schema', [acceptanceSchema, rejectionSchema]);
export type Answer = z.infer<typeof answerSchema>;

function padded(number: number, digits: number): string {
  return String(number).padStart(digits, '0');
}
