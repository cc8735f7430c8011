import { ConfigError } from '../errors.ts';
import type { RunConfig } from '../schemas/config.ts';
import { canonicalJson } from '../schemas/json.ts';
import { rankingKey, runKeys } from '../schemas/keys.ts';
import type { Report } from '../schemas/report.ts';
import type { StageName } from '../schemas/service.ts';
import type { Store } from '../stores/store.ts';
import type { JobExecutor } from './jobs/executor.ts';
import type { AnalysisStage } from './planning/analysis-plan.ts';
import { decodePlan, encodePlan, type Job, type Plan, stageJobs, stagesOf } from './planning/plan.ts';
import { prepareRun } from './planning/prepare-run.ts';
import { loadRanking } from './planning/rankings.ts';
import { isDone, resultKey } from './results.ts';
import { takeEvaluations } from './reuse/take-evaluations.ts';
import { clearLeases, type RunShare, shareRun } from './sharing/share-run.ts';
import { doTogether, type SharedJobListener } from './sharing/shared-jobs.ts';
import { shareRankings } from './sharing/shared-rankings.ts';
import { unlessAborted } from './unless-aborted.ts';
import { buildReport, writeReport } from './write-report.ts';

export type Stage = StageName | AnalysisStage;

/** What a run tells whoever watches it. */
export interface RunListener extends Omit<SharedJobListener, 'begin' | 'ended'> {
  stage(stage: Stage, jobs: { total: number; done: number }): void;
}

export interface RunOptions {
  readonly config: RunConfig;
  /** The config as the user wrote it, to be kept with the plan. */
  readonly source: Plan['source'];
  readonly runs: Store;
  readonly rankings: Store;
  readonly executor: (plan: Plan) => JobExecutor;
  readonly listener: RunListener;
  /** Whether evaluations that other runs have kept beside the rankings are taken; not by default. */
  readonly reuse?: boolean | undefined;
  /** Stops the run: what is being computed is dropped, what is done stays. The reason is thrown. */
  readonly signal?: AbortSignal;
  /** Called once the plan is written: may put results there that need not be computed. */
  readonly prepare?: (plan: Plan) => Promise<void>;
}

/** A stage of a plan with its jobs. */
export interface PlannedStage {
  readonly stage: Stage;
  readonly jobs: readonly Job[];
}

export interface RunOutcome {
  /** False where the run had been finished before and nothing was done. */
  readonly computed: boolean;
  /** Evaluations of shards that other runs had kept. */
  readonly reused: number;
  readonly plan: Plan;
  readonly report: Report;
}

/**
 * Does a run, or what is left of it: plan, rankings, evaluation, transfer, audit, report; together with every other process that was
 * started with it. Nothing is written before the inputs have been opened and found to fit. Throws InputError for bad input and for
 * a folder that holds another run.
 */
export async function executeRun(options: RunOptions): Promise<RunOutcome> {
  const { config, source, runs, rankings, signal } = options;
  const { plan, imported } = await unlessAborted(() => prepareRun(config, source), signal);
  await unlessAborted(() => requireSamePlan(plan, runs), signal);
  if (await unlessAborted(() => isFinished(plan, runs, rankings), signal))
    return { computed: false, reused: 0, plan, report: await buildReport(plan, runs, rankings) };
  return shareRun(plan, runs, async (share) => {
    await writePlan(plan, runs, share);
    if (imported !== undefined) await rankings.put(rankingKey(imported.digest), imported.file);
    await options.prepare?.(plan);
    const reused = await runStages(plan, runWork(plan), options, share);
    // Each process writes it, from the same results: the same bytes.
    const report = await writeReport(plan, runs, rankings);
    await clearLeases(runs, share);
    return { computed: true, reused, plan, report };
  });
}

/** Of all who begin at once, one writes it. Throws ConfigError where the folder holds another run, or a living process does one there. */
export async function writePlan(plan: Plan, runs: Store, { processes }: RunShare): Promise<void> {
  if (await runs.putNew(runKeys.plan, encodePlan(plan))) return;
  await requireSamePlan(plan, runs);
  const before = await plannedIn(runs);
  if (before !== undefined && !isSameRun(before, plan) && (await processes.others()).length > 0)
    throw new ConfigError(
      `this folder holds another run (${before.id}, now ${plan.id}), which a process is at: ${differences(before, plan).join(', ')}. ` +
        'Give a new folder with --out',
    );
  await runs.put(runKeys.plan, encodePlan(plan));
}

function runWork(plan: Plan): PlannedStage[] {
  return stagesOf(plan).map((stage) => ({ stage, jobs: stageJobs(plan, stage) }));
}

/** Does what is missing, one stage after the other; gives how many jobs other runs had done. Throws the signal's reason where it is aborted. */
export async function runStages(
  plan: Plan,
  work: readonly PlannedStage[],
  { runs, rankings, executor, listener, signal, reuse = false }: RunOptions,
  share: RunShare,
): Promise<number> {
  const stores = { plan, runs, rankings };
  let reused = 0;
  const workers = executor(plan);
  const stop = () => void workers.close();
  signal?.addEventListener('abort', stop);
  try {
    for (const { stage, jobs } of work) {
      // A ranking is there for all before what needs it begins.
      const publish = stage === 'rank' ? () => shareRankings(plan, runs, rankings) : undefined;
      await publish?.();
      if (reuse) reused += await takeEvaluations({ plan, runs, kept: rankings }, jobs);
      const left = await missing(plan, runs, rankings, jobs);
      listener.stage(stage, { total: jobs.length, done: jobs.length - left.length });
      signal?.throwIfAborted();
      const isJobDone = async (job: Job) => {
        await publish?.();
        return isDone(stores, job);
      };
      const keyOf = (job: Job) => resultKey(plan, job);
      await doTogether({ jobs: left, share, workers, listener, signal, isDone: isJobDone, keyOf, publish });
      // A degenerate ranking is refused before hours of attacks on it.
      if (stage === 'rank') for (const { method } of plan.rankings) await loadRanking(stores, method);
    }
    return reused;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    await workers.close();
  }
}

async function isFinished(plan: Plan, runs: Store, rankings: Store): Promise<boolean> {
  const jobs = runWork(plan).flatMap((work) => work.jobs);
  return (await runs.has(runKeys.report('report.json'))) && (await missing(plan, runs, rankings, jobs)).length === 0;
}

async function missing(plan: Plan, runs: Store, rankings: Store, jobs: readonly Job[]): Promise<Job[]> {
  const done = await Promise.all(jobs.map((job) => isDone({ plan, runs, rankings }, job)));
  return jobs.filter((_, index) => done[index] === false);
}

/**
 * Throws ConfigError where the folder holds a run of another config or of other inputs, and anything that it has found: one that was
 * refused at its start is begun anew once its config says what was wrong.
 */
export async function requireSamePlan(plan: Plan, runs: Store): Promise<void> {
  const before = await plannedIn(runs);
  if (
    before === undefined ||
    isSameRun(before, plan) ||
    (await runs.list('')).every((key) => key === runKeys.plan || key.startsWith(runKeys.leases))
  )
    return;
  const changed = differences(before, plan);
  throw new ConfigError(
    `this folder holds another run (${before.id}, now ${plan.id}): ${changed.join(', ') || UNKNOWN}. ` +
      'Give a new folder with --out, or the config the run was started with',
  );
}

async function plannedIn(runs: Store): Promise<Plan | undefined> {
  const bytes = await runs.get(runKeys.plan);
  return bytes && decodePlan(bytes, runKeys.plan);
}

/** Ids tell how many shards there are; as many of another size would have other images under the names of those that are done. */
function isSameRun(before: Plan, after: Plan): boolean {
  return before.id === after.id && canonicalJson(before.shards) === canonicalJson(after.shards);
}

/** Equal in all that is compared: another igd has given it its id. */
const UNKNOWN = 'the igd that planned it read it otherwise';

function differences(before: Plan, after: Plan): string[] {
  const sides = [before, after].map(({ config, inputs, suite, rankings, shards, audit, numerics = 1 }) => {
    const { checkpoint, test, probe, labels } = inputs;
    const images = { 'the test images': test, 'the probe images': probe, 'the labels': labels };
    const files = { 'the checkpoint': checkpoint.sha256, ...images };
    const cut = { 'the number of shards': shards.length, 'the sample of the audit': audit };
    return { ...config, ...files, ...cut, suite, rankings: rankings.map(({ digest }) => digest), numerics };
  });
  const [a, b] = sides.map((side) => new Map(Object.entries(side).map(([key, value]) => [key, canonicalJson(value)])));
  return [...new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])])]
    .filter((key) => a?.get(key) !== b?.get(key))
    .map((key) => `${key} changed`);
}
