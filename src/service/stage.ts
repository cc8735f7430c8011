import {
  remoteKeys,
  type StageName,
  type StageWork,
  type Submission,
  stageSchema,
  submissionSchema,
} from '../contracts/service.ts';
import { hasEnded, type JobState } from '../engines/job-queue.ts';
import type { ServiceContext } from './context.ts';
import { firstLease, takeOver } from './lease.ts';
import type { OpenRun } from './open-run.ts';
import { encodeRecord, readRecord } from './records.ts';
import { arraysOf, submitArrays } from './submit-stage.ts';

/**
 * Jobs one container does, one after the other. A transfer job is one forward pass an example, seconds; starting a
 * container takes longer. Rankings and attacks take minutes and more.
 */
const JOBS_PER_TASK: Readonly<Record<StageName, number>> = { rank: 1, evaluate: 1, transfer: 16 };

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

export interface StageProposal {
  /** Positions of the jobs to do, asked for where nobody has said so yet. */
  readonly propose: () => Promise<number[]>;
  /** Jobs that have to succeed first. */
  readonly after: readonly Submission[];
}

/**
 * Submits a stage, once: whoever is first to write down what it is to do submits it. Gives undefined while somebody else is
 * at it, and where the run was cancelled meanwhile. What a process left behind that died is taken over by one of those who
 * notice, which finds by their names the jobs that were submitted but not written down.
 */
export async function ensureStage(
  ctx: ServiceContext,
  open: OpenRun,
  stage: StageName,
  { propose, after }: StageProposal,
): Promise<(Stage & { readonly isNew: boolean }) | undefined> {
  const begun = await readStage(open, stage);
  const missing = begun === undefined ? 0 : arraysOf(begun.work).length - begun.submissions.length;
  if (begun !== undefined && missing === 0) return { ...begun, isNew: false };
  const { work, submissions: before } = begun ?? { work: await proposed(ctx, stage, propose), submissions: [] };
  const lease = begun === undefined ? await begin(open, stage, work) : await goOn(ctx, open, begun);
  if (lease === undefined) return undefined;
  const isTakenOver = begun !== undefined;
  const request = { stage, work, submissions: before, after, lease, isTakenOver };
  const submissions = await submitArrays(ctx, open, request);
  return submissions && { stage, work, submissions, isNew: submissions.length > 0 };
}

async function proposed(ctx: ServiceContext, stage: StageName, propose: StageProposal['propose']): Promise<StageWork> {
  const jobs = await propose();
  return { schema: 'igd.stage/1', jobs, jobsPerTask: JOBS_PER_TASK[stage], at: ctx.now().toISOString() };
}

async function begin({ files, attempt }: OpenRun, stage: StageName, work: StageWork) {
  const isFirst = await files.putNew(remoteKeys.stage(attempt, stage), encodeRecord(stageSchema.parse(work)));
  return isFirst ? firstLease({ begunAt: work.at }) : undefined;
}

function goOn(ctx: ServiceContext, { files, attempt }: OpenRun, { stage, work }: Stage) {
  const leased = { begunAt: work.at, key: (term: number) => remoteKeys.stageLease(attempt, stage, term) };
  return takeOver(files, leased, ctx.now());
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
