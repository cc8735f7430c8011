import { stagesOf } from '../runs/planning/plan.ts';
import { readRecord } from '../schemas/parse-record.ts';
import { remoteKeys, type StageName, type TaskFailure, taskFailureSchema } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import { doneJobs } from './done-jobs.ts';
import type { LoadedRun } from './load-run.ts';
import { jobsOf } from './parts.ts';
import { rankingProblem } from './proposals.ts';
import { readStage, type SubmittedStage, stageStates } from './stage.ts';

/** A task that failed, or, without a record of its own (killed, never started), a job in Batch's words. */
export interface Failure extends Pick<TaskFailure, 'job' | 'message'> {
  readonly stage: StageName;
  readonly task: number | null;
}

/**
 * The first failures of the newest attempt, `limit` a stage. What was tried again and went well is not among them: a record
 * stays, but the results of its jobs are there.
 */
export async function failuresOf(ctx: ServiceContext, open: LoadedRun, limit: number): Promise<Failure[]> {
  const [{ plan }] = open.parts;
  const stages = await Promise.all(stagesOf(plan).map((stage) => stageFailures(ctx, open, stage, limit)));
  const failures = stages.flat();
  return [...failures, ...(await leftOut(ctx, open, failures)).slice(0, limit)];
}

/** Runs of a sweep that were not evaluated for want of a ranking, and that no failure tells of: it was ranked for another of them. */
async function leftOut(ctx: ServiceContext, open: LoadedRun, told: readonly Failure[]): Promise<Failure[]> {
  const begun = open.sweep === undefined ? undefined : await readStage(open, 'evaluate');
  if (begun === undefined) return [];
  const submitted = new Set(begun.work.jobs);
  const done = await doneJobs(ctx, open.parts, 'evaluate');
  const jobs = jobsOf(open.parts, 'evaluate').map(({ part }, position) => ({ part, position }));
  const failures: Failure[] = [];
  for (const part of open.parts) {
    const own = jobs.filter((job) => job.part === part);
    const isLeft = own.some(({ position }) => !done[position]) && own.every(({ position }) => !submitted.has(position));
    const isTold = told.some(({ job }) => job?.startsWith(`${part.label} `) === true);
    const message = isLeft && !isTold ? await rankingProblem(ctx, part) : undefined;
    if (message !== undefined) failures.push({ stage: 'rank', task: null, job: part.label, message });
  }
  return failures;
}

async function stageFailures(
  ctx: ServiceContext,
  open: LoadedRun,
  stage: StageName,
  limit: number,
): Promise<Failure[]> {
  const begun = await readStage(open, stage);
  if (begun === undefined) return [];
  const keys = await lasting(ctx, open, begun, await open.files.list(remoteKeys.failuresOf(open.attempt, stage)));
  const records = await Promise.all(keys.slice(0, limit).map((key) => readRecord(open.files, key, taskFailureSchema)));
  const failures = records.flatMap((record): Failure[] => (record === undefined ? [] : [{ stage, ...record }]));
  if (failures.length > 0) return failures;
  const { states } = await stageStates(ctx, begun);
  return states.flatMap(({ status, name, statusReason }): Failure[] =>
    status === 'FAILED'
      ? [{ stage, task: null, job: name, message: statusReason ?? 'failed; Batch gives no reason' }]
      : [],
  );
}

/** Keys of the failures of tasks that have a job whose result is missing still. */
async function lasting(
  ctx: ServiceContext,
  open: LoadedRun,
  { stage, work: { jobs, jobsPerTask } }: SubmittedStage,
  keys: readonly string[],
): Promise<string[]> {
  if (keys.length === 0) return [];
  const done = await doneJobs(ctx, open.parts, stage);
  return keys.filter((key) => {
    const first = Number(/(\d+)\.json$/.exec(key)?.[1]) * jobsPerTask;
    return jobs.slice(first, first + jobsPerTask).some((position) => done[position] === false);
  });
}
