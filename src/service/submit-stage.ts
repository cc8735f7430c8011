import { createHash } from 'node:crypto';
import { RunError } from '../contracts/errors.ts';
import {
  remoteKeys,
  type StageName,
  type StageWork,
  type Submission,
  submissionSchema,
  type Task,
  taskVariables,
} from '../contracts/service.ts';
import { MAX_ARRAY } from '../engines/job-queue.ts';
import type { ServiceContext } from './context.ts';
import { holds, type Lease } from './lease.ts';
import type { OpenRun } from './open-run.ts';
import { encodeRecord } from './records.ts';
import { hasOutcome } from './run-index.ts';

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
export async function submitArrays(
  ctx: ServiceContext,
  open: OpenRun,
  submission: StageSubmission,
): Promise<Submission[] | undefined> {
  const { stage, work, submissions: before, lease } = submission;
  const known = new Set(before.map(({ name }) => name));
  const submissions = [...before];
  for (const [array, tasks] of arraysOf(work).entries()) {
    const name = jobName(open, stage, array);
    if (known.has(name)) continue;
    if (await hasOutcome(ctx, open.run, open.attempt)) return undefined;
    if (!holds(lease, ctx.now())) throw new RunError(`submitting ${name} took too long: left to the next sweep-up`);
    const jobId = await submitArray(ctx, open, submission, { array, tasks, name });
    const record: Submission = { schema: 'igd.submission/1', jobId, name, tasks, at: ctx.now().toISOString() };
    await open.files.put(
      remoteKeys.submission(open.attempt, stage, array),
      encodeRecord(submissionSchema.parse(record)),
    );
    // Who cancels ends the attempt first and then the jobs that are written down. What is written down after is ended here.
    if (await hasOutcome(ctx, open.run, open.attempt)) {
      await ctx.queue.cancel([jobId], 'cancelled by igd cancel while it was submitted');
      return undefined;
    }
    submissions.push(record);
  }
  return submissions;
}

/** Tasks of each array: Batch takes 10,000 in one. */
export function arraysOf({ jobs, jobsPerTask }: StageWork): number[] {
  const tasks = Math.ceil(jobs.length / jobsPerTask);
  return Array.from({ length: Math.ceil(tasks / MAX_ARRAY) }, (_, array) =>
    Math.min(MAX_ARRAY, tasks - array * MAX_ARRAY),
  );
}

/** Gives the id of the array's job: of the one that is there already, where who submitted it could not write that down. */
async function submitArray(
  ctx: ServiceContext,
  open: OpenRun,
  { stage, work, after, isTakenOver }: StageSubmission,
  { array, tasks, name }: { readonly array: number; readonly tasks: number; readonly name: string },
): Promise<string> {
  const place = queueOf(ctx, open);
  const since = new Date(work.at);
  const found = isTakenOver ? await ctx.queue.find(place.queue, name, since) : undefined;
  if (found !== undefined) return found;
  return ctx.queue.submit({
    name,
    ...place,
    environment: taskEnvironment({
      run: open.run,
      stage,
      attempt: open.attempt,
      offset: array * MAX_ARRAY * work.jobsPerTask,
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

/** Every device but the CPU is a GPU's. */
function queueOf(
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
function jobName({ run, attempt }: Pick<OpenRun, 'run' | 'attempt'>, stage: StageName, array: number): string {
  const readable = run.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 80);
  const digest = createHash('sha256').update(run).digest('hex').slice(0, 8);
  const name = `igd-${readable}-${digest}-${attempt}-${stage}-${array}`;
  if (name.length > 128) throw new RunError(`"${name}" is too long for a job's name`);
  return name;
}
