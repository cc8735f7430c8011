import { createHash } from 'node:crypto';
import { RunError } from '../errors.ts';
import { encodeRecord, readRecord } from '../schemas/parse-record.ts';
import {
  remoteKeys,
  STAGE_NAMES,
  type StageName,
  type StageWork,
  type Submission,
  stageSchema,
  submissionSchema,
  type Task,
  taskVariables,
} from '../schemas/service.ts';
import { jobsAtOnce } from '../workers/worker-count.ts';
import { hasEnded, type JobState, MAX_ARRAY } from './batch/job-queue.ts';
import type { ServiceContext } from './context.ts';
import { acquireExpiredLease, firstLease, isHeld, type Lease } from './lease.ts';
import type { LoadedRun } from './load-run.ts';
import { hasOutcome } from './run-index.ts';
import { submitTarget } from './submit-target.ts';

/**
 * Jobs one container does, or as many as it has in hand at once. A transfer job is one forward pass an example, seconds; starting
 * a container takes longer. Rankings and attacks take minutes and more.
 */
const JOBS_PER_TASK: Readonly<Record<StageName, number>> = { rank: 1, craft: 1, evaluate: 1, transfer: 16, audit: 1 };

/** Batch keeps ended jobs for a week at least: one it does not know a day after it was submitted has ended. */
const FORGOTTEN_MS = 24 * 3600_000;

export interface SubmittedStage {
  readonly stage: StageName;
  readonly work: StageWork;
  /** One for each array, in order; fewer while somebody is submitting them. */
  readonly submissions: readonly Submission[];
}

/** The stage as far as it was submitted; undefined where it was not begun. */
export async function readStage({ files, attempt }: LoadedRun, stage: StageName): Promise<SubmittedStage | undefined> {
  const work = await readRecord(files, remoteKeys.stage(attempt, stage), stageSchema);
  if (work === undefined) return undefined;
  const records = await Promise.all(
    arraysOf(work).map((_, array) => readRecord(files, remoteKeys.submission(attempt, stage, array), submissionSchema)),
  );
  return { stage, work, submissions: records.filter((record) => record !== undefined) };
}

export interface StageProposal {
  /** Positions of the jobs to do, asked for where nobody has said so yet. */
  readonly propose: () => Promise<number[]>;
  /** Jobs that have to succeed first. */
  readonly after: readonly Submission[];
  /** Sends a task ahead of the others though an earlier stage has: it tells what they will cost. */
  readonly sendsAhead?: boolean;
}

/**
 * Submits a stage, once: whoever is first to write down what it is to do submits it. Gives undefined while somebody else is
 * at it, and where the run was cancelled meanwhile. What a process left behind that died is taken over by one of those who
 * notice, which finds by their names the jobs that were submitted but not written down.
 */
export async function ensureStage(
  ctx: ServiceContext,
  open: LoadedRun,
  stage: StageName,
  { propose, after, sendsAhead = false }: StageProposal,
): Promise<(SubmittedStage & { readonly isNew: boolean }) | undefined> {
  const begun = await readStage(open, stage);
  const missing = begun === undefined ? 0 : arraysOf(begun.work).length - begun.submissions.length;
  if (begun !== undefined && missing === 0) return { ...begun, isNew: false };
  const { work, submissions: before } = begun ?? {
    work: await proposed(ctx, open, stage, { propose, sendsAhead }),
    submissions: [],
  };
  const lease = begun === undefined ? await begin(open, stage, work) : await resumeSubmission(ctx, open, begun);
  if (lease === undefined) return undefined;
  const isTakenOver = begun !== undefined;
  const request = { stage, work, submissions: before, after, lease, isTakenOver };
  const submissions = await submitArrays(ctx, open, request);
  return submissions && { stage, work, submissions, isNew: submissions.length > 0 };
}

async function proposed(
  ctx: ServiceContext,
  open: LoadedRun,
  stage: StageName,
  { propose, sendsAhead }: Required<Pick<StageProposal, 'propose' | 'sendsAhead'>>,
): Promise<StageWork> {
  const jobs = await propose();
  const [{ plan }] = open.parts;
  const jobsPerTask = Math.max(JOBS_PER_TASK[stage], jobsAtOnce(plan.config.compute.device, jobs.length));
  const work: StageWork = { schema: 'igd.stage/1', jobs, jobsPerTask, at: ctx.now().toISOString() };
  const isAlone = jobs.length <= jobsPerTask;
  return isAlone || (!sendsAhead && (await hasBegunBefore(open, stage))) ? work : withCanary(open, work);
}

async function begin({ files, attempt }: LoadedRun, stage: StageName, work: StageWork) {
  const isFirst = await files.putNew(remoteKeys.stage(attempt, stage), encodeRecord(stageSchema.parse(work)));
  return isFirst ? firstLease({ begunAt: work.at }) : undefined;
}

function resumeSubmission(ctx: ServiceContext, { files, attempt }: LoadedRun, { stage, work }: SubmittedStage) {
  const leased = { begunAt: work.at, key: (term: number) => remoteKeys.stageLease(attempt, stage, term) };
  return acquireExpiredLease(files, leased, ctx.now());
}

/** States of the stage's jobs, and whether all have ended. */
export async function stageStates(
  ctx: ServiceContext,
  { submissions }: { readonly submissions: readonly Pick<Submission, 'jobId' | 'at'>[] },
): Promise<{ states: JobState[]; ended: boolean }> {
  const states = await ctx.queue.describe(submissions.map(({ jobId }) => jobId));
  const known = new Map(states.map((state) => [state.id, state]));
  const ended = submissions.every(({ jobId, at }) => {
    const state = known.get(jobId);
    return state === undefined ? ctx.now().getTime() - Date.parse(at) > FORGOTTEN_MS : hasEnded(state);
  });
  return { states, ended };
}

/** Ends the stage's jobs that have not ended; gives how many. */
export async function endStage(
  ctx: ServiceContext,
  stage: { readonly submissions: readonly Pick<Submission, 'jobId' | 'at'>[] },
  why: string,
): Promise<number> {
  const { states } = await stageStates(ctx, stage);
  const jobs = states.filter((state) => !hasEnded(state));
  await ctx.queue.terminate(
    jobs.map(({ id }) => id),
    why,
  );
  return jobs.length;
}

export interface StageSubmission {
  readonly stage: StageName;
  readonly work: StageWork;
  /** Arrays submitted before. */
  readonly submissions: readonly Submission[];
  /** Jobs that have to succeed first. */
  readonly after: readonly Submission[];
  readonly lease: Lease;
  /** Whether somebody began, and may have submitted what is not written down. */
  readonly isTakenOver: boolean;
}

/**
 * Submits the arrays of a stage that are not written down as submitted. Gives all; undefined where the run was cancelled
 * meanwhile. Throws RunError where Batch refuses, or takes longer than the lease lasts: whoever has the next goes on.
 */
async function submitArrays(
  ctx: ServiceContext,
  open: LoadedRun,
  submission: StageSubmission,
): Promise<Submission[] | undefined> {
  const { stage, work, submissions: before, lease } = submission;
  const known = new Set(before.map(({ name }) => name));
  const submissions = [...before];
  for (const [array, { first, tasks }] of arraysOf(work).entries()) {
    const name = jobName(open, stage, array);
    if (known.has(name)) continue;
    if (await hasOutcome(ctx, open.run, open.attempt)) return undefined;
    if (!isHeld(lease, ctx.now())) throw new RunError(`submitting ${name} took too long: left to the reconciler`);
    const jobId = await submitArray(ctx, open, submission, {
      first,
      tasks,
      name,
      after: waitsFor(submission, submissions),
    });
    const record: Submission = { schema: 'igd.submission/1', jobId, name, tasks, at: ctx.now().toISOString() };
    await open.files.put(
      remoteKeys.submission(open.attempt, stage, array),
      encodeRecord(submissionSchema.parse(record)),
    );
    // Who cancels ends the attempt first and then the jobs that are written down. What is written down after is ended here.
    if (await hasOutcome(ctx, open.run, open.attempt)) {
      await ctx.queue.terminate([jobId], 'cancelled by igd cancel while it was submitted');
      return undefined;
    }
    submissions.push(record);
  }
  return submissions;
}

/** What an array waits for: what the stage does, and its canary, which is submitted first. */
function waitsFor({ work, after }: StageSubmission, submissions: readonly Submission[]): readonly Submission[] {
  return work.canary === true ? [...after, ...submissions.slice(0, 1)] : after;
}

/** Tasks of a stage that are one Batch job: an array, or a plain job of one. */
interface TaskArray {
  /** The first task's number in the stage. */
  readonly first: number;
  readonly tasks: number;
}

/** Batch takes 10,000 tasks in an array. A canary is a job of its own, the first. */
function arraysOf({ jobs, jobsPerTask, canary }: StageWork): TaskArray[] {
  const total = Math.ceil(jobs.length / jobsPerTask);
  const arrays: TaskArray[] = canary === true ? [{ first: 0, tasks: 1 }] : [];
  for (let first = arrays.length; first < total; first += MAX_ARRAY)
    arrays.push({ first, tasks: Math.min(MAX_ARRAY, total - first) });
  return arrays;
}

/**
 * The first task of an attempt goes alone where others would go with it: an image that is broken fails one job, not five tries of each.
 * The next attempt sends another ahead, so that one shard that fails by itself cannot stop the others for good.
 */
function withCanary({ attempt }: LoadedRun, work: StageWork): StageWork {
  const { jobs, jobsPerTask } = work;
  const turn = ((attempt - 1) * jobsPerTask) % jobs.length;
  return { ...work, jobs: [...jobs.slice(turn), ...jobs.slice(0, turn)], canary: true };
}

/** Whether an earlier stage of the attempt had anything to do: then this one waits for it, or has seen it end. */
async function hasBegunBefore(open: LoadedRun, stage: StageName): Promise<boolean> {
  const earlier = STAGE_NAMES.slice(0, STAGE_NAMES.indexOf(stage));
  const stages = await Promise.all(earlier.map((name) => readStage(open, name)));
  return stages.some((each) => each !== undefined && each.work.jobs.length > 0);
}

/** Gives the id of the array's job: of the one that is there already, where who submitted it could not write that down. */
async function submitArray(
  ctx: ServiceContext,
  open: LoadedRun,
  { stage, work, isTakenOver }: StageSubmission,
  { first, tasks, name, after }: TaskArray & { readonly name: string; readonly after: readonly Submission[] },
): Promise<string> {
  const target = await submitTarget(ctx, open);
  const since = new Date(work.at);
  const found = isTakenOver ? await ctx.queue.find(target.queue, name, since) : undefined;
  if (found !== undefined) return found;
  return ctx.queue.submit({
    name,
    ...target,
    environment: taskEnvironment({
      run: open.run,
      stage,
      attempt: open.attempt,
      offset: first * work.jobsPerTask,
      jobsPerTask: work.jobsPerTask,
    }),
    arraySize: tasks,
    dependsOn: after.map(({ jobId }) => jobId),
    since,
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

/**
 * The same for the same work, so that a job can be found again. Batch takes 128 letters, digits, "-" and "_": a run's name
 * may be longer and hold dots, so its digest follows what fits of it.
 */
function jobName({ run, attempt }: Pick<LoadedRun, 'run' | 'attempt'>, stage: StageName, array: number): string {
  const readable = run.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 80);
  const digest = createHash('sha256').update(run).digest('hex').slice(0, 8);
  const name = `igd-${readable}-${digest}-${attempt}-${stage}-${array}`;
  if (name.length > 128) throw new RunError(`"${name}" is too long for a job's name`);
  return name;
}
