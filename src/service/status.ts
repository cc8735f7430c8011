import { messageOf } from '../errors.ts';
import { stagesOf } from '../runs/planning/plan.ts';
import type { HistoryEntry } from '../schemas/history.ts';
import { runKeys } from '../schemas/keys.ts';
import { readRecord } from '../schemas/parse-record.ts';
import {
  costEstimateSchema,
  type Outcome,
  remoteKeys,
  type StageName,
  type Submission,
  serviceKeys,
  type TaskProgress,
} from '../schemas/service.ts';
import { hasEnded, type JobState } from './batch/job-queue.ts';
import type { ServiceContext } from './context.ts';
import { doneJobs } from './done-jobs.ts';
import { type Failure, failuresOf } from './failures.ts';
import { entriesOf } from './history/records.ts';
import { historiesOf } from './history/schedules.ts';
import { type LoadedRun, type OpenRun, openRun, withPlan } from './load-run.ts';
import { claimOf, outcomeOf } from './run-index.ts';
import { limitOf, stageProgress } from './spending.ts';
import { readStage, type SubmittedStage, stageStates } from './stage.ts';
import { submittedJobs } from './submitted-jobs.ts';

/** Failures shown, a stage. */
const FAILURES = 20;

export type RunState = 'submitting' | StageName | 'reporting' | Outcome['status'];

export interface RunStatus {
  readonly run: string;
  /** Name the config was uploaded under. */
  readonly config: string;
  readonly attempt: number;
  readonly state: RunState;
  readonly submittedAt: string;
  readonly outcome: Outcome | undefined;
  readonly stages: readonly StageStatus[];
  readonly failures: readonly Failure[];
  /** What the attempt may cost, and what its evaluations are expected to; undefined where nothing limits it, or nothing is known yet. */
  readonly limit: { readonly maxDollars: number; readonly isApproved: boolean } | undefined;
  readonly expectedDollars: number | undefined;
  /** Of the stage in hand; undefined until enough is done to tell. */
  readonly secondsLeft: number | undefined;
  /** Prefix, in the runs bucket, of the newest report there is. */
  readonly report: string | undefined;
  /** These two as the plan says. */
  readonly images: number | undefined;
  readonly device: string | undefined;
  /** What is swept, and the folders of its runs; undefined where it is no sweep. */
  readonly sweep: { readonly key: string; readonly runs: readonly string[] } | undefined;
  /** The newest entry that each of its histories has of it. */
  readonly history: readonly HistoryEntry[];
  /** The histories of the schedules that ask for it; of a sweep each run has one. */
  readonly schedules: readonly string[];
  /** Whether all that follows its end is done: the histories have it then. */
  readonly settled: boolean;
  /** Why there is no plan to say more; undefined where there is one. */
  readonly problem: string | undefined;
}

export interface StageStatus {
  readonly stage: StageName;
  /** Of the whole run, whatever the attempt; undefined without a plan. */
  readonly jobs: { readonly total: number; readonly done: number } | undefined;
  /** Of this attempt's Batch jobs. */
  readonly tasks: {
    readonly total: number;
    readonly waiting: number;
    readonly running: number;
    readonly succeeded: number;
    readonly failed: number;
  };
  /** Of tasks that are under way or were: every one of them, or an even choice. */
  readonly progress: readonly TaskProgress[];
  /** Seconds containers have computed in this attempt, from `progress`. */
  readonly computeSeconds: number;
  /** Why jobs wait or failed, in Batch's words. */
  readonly reasons: readonly string[];
  readonly secondsLeft: number | undefined;
}

/** How a run is doing. Throws InputError where there is no such run. */
export async function runStatus(ctx: ServiceContext, run: string): Promise<RunStatus> {
  const open = await openRun(ctx, run);
  const { loaded, problem } = await withPlan(ctx, open).then(
    (found) => ({ loaded: found, problem: undefined }),
    (error: unknown) => ({ loaded: undefined, problem: messageOf(error) }),
  );
  const stages = await stagesStatus(ctx, open, loaded);
  const outcome = open.ended ? await outcomeOf(ctx, run, open.attempt) : undefined;
  const [claim, report] = await Promise.all([claimOf(ctx, run, 1), newestReport(open)]);
  const schedules = (await historiesOf(ctx, run)).map(({ schedule }) => schedule);
  const inHand = stages.find(
    ({ jobs, tasks }) =>
      (jobs === undefined || jobs.done < jobs.total) && tasks.total > 0 && tasks.waiting + tasks.running > 0,
  );
  return {
    run,
    config: claim?.config ?? run,
    attempt: open.attempt,
    state: outcome?.status ?? stateOf(stages, inHand),
    submittedAt: claim?.at ?? '',
    outcome,
    stages,
    failures: loaded === undefined ? [] : await failuresOf(ctx, loaded, FAILURES),
    limit: loaded && (await limitOf(ctx, loaded)),
    expectedDollars: (await readRecord(open.files, remoteKeys.estimate(open.attempt), costEstimateSchema))?.dollars,
    secondsLeft: outcome === undefined ? inHand?.secondsLeft : undefined,
    report: report === undefined ? undefined : `${serviceKeys.run(run)}${report}`,
    images: loaded?.parts[0].plan.inputs.test.images,
    device: loaded?.parts[0].plan.config.compute.device,
    sweep: loaded?.sweep && { key: loaded.sweep.key, runs: loaded.sweep.runs.map(({ folder }) => folder) },
    history: schedules.length === 0 ? [] : await entriesOf(ctx.runs, run),
    schedules,
    settled: open.settled,
    problem,
  };
}

function stateOf(stages: readonly StageStatus[], inHand: StageStatus | undefined): RunState {
  if (inHand !== undefined) return inHand.stage;
  return stages.every(({ tasks }) => tasks.total === 0) ? 'submitting' : 'reporting';
}

/** Of the whole run, or else of the newest attempt that left a part. */
async function newestReport({ files, attempt }: OpenRun): Promise<string | undefined> {
  for (const file of [runKeys.report('report.json'), runKeys.sweepReport]) if (await files.has(file)) return '';
  for (let candidate = attempt; candidate > 0; candidate -= 1) {
    const prefix = remoteKeys.partial(candidate);
    // Of a sweep each run has one of its own, in its folder.
    if ((await files.list(prefix)).some((key) => key.endsWith('report.json'))) return prefix;
  }
  return undefined;
}

/** Without a plan, of the stages that have submitted something. */
async function stagesStatus(ctx: ServiceContext, open: OpenRun, loaded: LoadedRun | undefined): Promise<StageStatus[]> {
  const stages: StageStatus[] = [];
  if (loaded !== undefined) {
    for (const stage of stagesOf(loaded.parts[0].plan)) stages.push(await plannedStatus(ctx, loaded, stage));
    return stages;
  }
  const submitted = await submittedJobs(open);
  for (const stage of new Set(submitted.map((job) => job.stage))) {
    const submissions = submitted.filter((job) => job.stage === stage);
    stages.push({ ...(await stageStatus(ctx, open, stage, submissions)), jobs: undefined, secondsLeft: undefined });
  }
  return stages;
}

async function plannedStatus(ctx: ServiceContext, open: LoadedRun, stage: StageName): Promise<StageStatus> {
  const begun = await readStage(open, stage);
  const done = await doneJobs(ctx, open.parts, stage);
  const status = await stageStatus(ctx, open, stage, begun?.submissions ?? []);
  const jobs = { total: done.length, done: done.filter(Boolean).length };
  return {
    ...status,
    jobs,
    secondsLeft: begun === undefined ? undefined : secondsLeft(ctx, begun, done, status.progress),
  };
}

type Submitted = Pick<Submission, 'jobId' | 'tasks' | 'at'>;

async function stageStatus(ctx: ServiceContext, open: OpenRun, stage: StageName, submissions: readonly Submitted[]) {
  const { states } = await stageStates(ctx, { submissions });
  const { progress, computeSeconds } = await stageProgress(open, stage);
  return {
    stage,
    tasks: countTasks(submissions, states),
    progress,
    computeSeconds,
    reasons: await reasonsOf(ctx, states),
  };
}

/** Of jobs, and of an array's jobs that wait. */
async function reasonsOf({ queue }: ServiceContext, states: readonly JobState[]): Promise<string[]> {
  const waiting = states.filter((state) => !hasEnded(state) && (state.statusSummary?.RUNNABLE ?? 0) > 0);
  const why = await Promise.all(waiting.map(({ id }) => queue.pendingReasons(id)));
  return [...new Set([...states.flatMap(({ statusReason }) => statusReason ?? []), ...why.flat()])];
}

/** Batch summarises the statuses of an array's jobs; a plain job's state is its own. */
function countTasks(submissions: readonly Submitted[], states: readonly JobState[]): StageStatus['tasks'] {
  const count = { waiting: 0, running: 0, succeeded: 0, failed: 0 };
  for (const { status, statusSummary } of states) {
    const each = statusSummary ?? { [status]: 1 };
    count.waiting += (each.SUBMITTED ?? 0) + (each.PENDING ?? 0) + (each.RUNNABLE ?? 0) + (each.STARTING ?? 0);
    count.running += each.RUNNING ?? 0;
    count.succeeded += each.SUCCEEDED ?? 0;
    count.failed += each.FAILED ?? 0;
  }
  return { total: submissions.reduce((sum, { tasks }) => sum + tasks, 0), ...count };
}

/** As fast as it has gone since the first task started. Of the jobs of this attempt: what was done before, or is another's too, takes no time. */
function secondsLeft(
  ctx: ServiceContext,
  { work }: SubmittedStage,
  done: readonly boolean[],
  progress: readonly TaskProgress[],
): number | undefined {
  const started = Math.min(...progress.map(({ startedAt }) => Date.parse(startedAt)));
  const underWay = progress.filter((task) => task.done < task.jobs).reduce((sum, { fraction }) => sum + fraction, 0);
  const computed = work.jobs.filter((position) => done[position] === true).length + underWay;
  const elapsed = (ctx.now().getTime() - started) / 1000;
  const left = work.jobs.length - computed;
  return computed > 0 && elapsed > 0 ? Math.max(0, (elapsed / computed) * left) : undefined;
}
