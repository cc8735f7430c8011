import { createHash } from 'node:crypto';
import { RunError } from '../contracts/errors.ts';
import {
  remoteKeys,
  type StageName,
  type StageWork,
  type Submission,
  stageSchema,
  submissionSchema,
  type Task,
  taskVariables,
} from '../contracts/service.ts';
import { hasEnded, type JobState, MAX_ARRAY } from '../engines/job-queue.ts';
import type { ServiceContext } from './context.ts';
import type { OpenRun } from './open-run.ts';
import { encodeRecord, readRecord } from './records.ts';

/**
 * Jobs one container does, one after the other. A transfer job is one forward pass an example, seconds; starting a
 * container takes longer. Rankings and attacks take minutes and more.
 */
const JOBS_PER_TASK: Readonly<Record<StageName, number>> = { rank: 1, evaluate: 1, transfer: 16 };

/** Who submits a stage has this long until somebody else takes over: the longest a Lambda function can live. */
const GRACE_MS = 15 * 60_000;

/** Batch keeps ended jobs for a week at least: one it does not know a day after it was submitted has ended. */
const FORGOTTEN_MS = 24 * 3600_000;

export interface Stage {
  readonly stage: StageName;
  readonly work: StageWork;
  /** One for each array, in order; fewer while somebody is submitting them. */
  readonly submissions: readonly Submission[];
}

/** The stage as far as it was submitted; undefined where it was not begun. */
export async function readStage({ files, attempt }: OpenRun, stage: StageName): Promise<Stage | undefined> {
  const work = await readRecord(files, remoteKeys.stage(attempt, stage), stageSchema);
  if (work === undefined) return undefined;
  const records = await Promise.all(
    arraysOf(work).map((_, array) => readRecord(files, remoteKeys.submission(attempt, stage, array), submissionSchema)),
  );
  return { stage, work, submissions: records.filter((record) => record !== undefined) };
}

/**
 * Submits a stage, once: what it is to do (`propose`) is written down by whoever is first. Gives undefined while somebody
 * else is submitting it; if they do not finish, the next call after a grace time does, and finds by their names the jobs
 * that were submitted but not written down. Two that take over at once would submit twice, which costs, but harms nothing:
 * jobs that are done already end at once.
 */
export async function ensureStage(
  ctx: ServiceContext,
  open: OpenRun,
  stage: StageName,
  { propose, after }: { propose: () => Promise<number[]>; after: readonly Submission[] },
): Promise<(Stage & { readonly isNew: boolean }) | undefined> {
  const begun = await readStage(open, stage);
  if (begun !== undefined) {
    const left = arraysOf(begun.work).length - begun.submissions.length;
    if (left === 0) return { ...begun, isNew: false };
    if (ctx.now().getTime() - Date.parse(begun.work.at) < GRACE_MS) return undefined;
    return { ...begun, isNew: true, submissions: await submitArrays(ctx, open, begun, after) };
  }
  const work = stageSchema.parse({
    schema: 'igd.stage/1',
    jobs: await propose(),
    jobsPerTask: JOBS_PER_TASK[stage],
    at: ctx.now().toISOString(),
  });
  if (!(await open.files.putNew(remoteKeys.stage(open.attempt, stage), encodeRecord(work)))) return undefined;
  const submissions = await submitArrays(ctx, open, { stage, work, submissions: [] }, after);
  return { stage, work, submissions, isNew: submissions.length > 0 };
}

/** States of the stage's jobs, and whether all have ended. */
export async function stageStates(
  ctx: ServiceContext,
  { submissions }: Stage,
): Promise<{ states: JobState[]; ended: boolean }> {
  const states = await ctx.queue.describe(submissions.map(({ jobId }) => jobId));
  const known = new Map(states.map((state) => [state.id, state]));
  const ended = submissions.every(({ jobId, at }) => {
    const state = known.get(jobId);
    return state === undefined ? ctx.now().getTime() - Date.parse(at) > FORGOTTEN_MS : hasEnded(state);
  });
  return { states, ended };
}

/** Tasks of each array: Batch takes 10,000 in one. */
export function arraysOf({ jobs, jobsPerTask }: StageWork): number[] {
  const tasks = Math.ceil(jobs.length / jobsPerTask);
  return Array.from({ length: Math.ceil(tasks / MAX_ARRAY) }, (_, array) =>
    Math.min(MAX_ARRAY, tasks - array * MAX_ARRAY),
  );
}

async function submitArrays(
  ctx: ServiceContext,
  open: OpenRun,
  { stage, work, submissions: before }: Stage,
  after: readonly Submission[],
): Promise<Submission[]> {
  const known = new Set(before.map(({ name }) => name));
  const isRecovery = ctx.now().getTime() - Date.parse(work.at) >= GRACE_MS;
  const submissions = [...before];
  for (const [array, tasks] of arraysOf(work).entries()) {
    const name = jobName(open, stage, array);
    if (known.has(name)) continue;
    const found = isRecovery ? await ctx.queue.find(queueOf(ctx, open).queue, name) : undefined;
    const jobId = found ?? (await submitArray(ctx, open, { stage, work, array, tasks, name, after }));
    const record: Submission = { schema: 'igd.submission/1', jobId, name, tasks, at: ctx.now().toISOString() };
    await open.files.put(
      remoteKeys.submission(open.attempt, stage, array),
      encodeRecord(submissionSchema.parse(record)),
    );
    submissions.push(record);
  }
  return submissions;
}

interface ArrayRequest {
  readonly stage: StageName;
  readonly work: StageWork;
  readonly array: number;
  readonly tasks: number;
  readonly name: string;
  readonly after: readonly Submission[];
}

function submitArray(
  ctx: ServiceContext,
  open: OpenRun,
  { stage, work, array, tasks, name, after }: ArrayRequest,
): Promise<string> {
  return ctx.queue.submit({
    name,
    ...queueOf(ctx, open),
    environment: taskEnvironment({
      run: open.run,
      stage,
      attempt: open.attempt,
      offset: array * MAX_ARRAY * work.jobsPerTask,
      jobsPerTask: work.jobsPerTask,
    }),
    arraySize: tasks,
    dependsOn: after.map(({ jobId }) => jobId),
    tags: { 'igd:run': open.run },
  });
}

function taskEnvironment(task: Task): Record<string, string> {
  return {
    [taskVariables.run]: task.run,
    [taskVariables.stage]: task.stage,
    [taskVariables.attempt]: String(task.attempt),
    [taskVariables.offset]: String(task.offset),
    [taskVariables.jobsPerTask]: String(task.jobsPerTask),
  };
}

/** Every device but the CPU is a GPU's. */
export function queueOf(
  { service: { queues, jobDefinitions } }: ServiceContext,
  { plan }: Pick<OpenRun, 'plan'>,
): { queue: string; jobDefinition: string } {
  const kind = plan.config.compute.device === 'cpu' ? 'cpu' : 'gpu';
  return { queue: queues[kind], jobDefinition: jobDefinitions[kind] };
}

/**
 * The same for the same work, so that a job can be found again. Batch takes 128 letters, digits, "-" and "_": a run's name
 * may be longer and hold dots, so its digest follows what fits of it.
 */
export function jobName({ run, attempt }: Pick<OpenRun, 'run' | 'attempt'>, stage: StageName, array: number): string {
  const readable = run.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 80);
  const digest = createHash('sha256').update(run).digest('hex').slice(0, 8);
  const name = `igd-${readable}-${digest}-${attempt}-${stage}-${array}`;
  if (name.length > 128) throw new RunError(`"${name}" is too long for a job's name`);
  return name;
}
