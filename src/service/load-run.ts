import { RunError } from '../errors.ts';
import { decodePlan, type Plan, stageJobs } from '../runs/planning/plan.ts';
import { resultKey } from '../runs/results.ts';
import { runKeys } from '../schemas/keys.ts';
import { type StageName, serviceKeys } from '../schemas/service.ts';
import { type Store, within } from '../stores/store.ts';
import type { ServiceContext } from './context.ts';
import { type IndexedRun, indexedRun } from './run-index.ts';

/** A run and its newest attempt, whatever became of its plan. */
export interface OpenRun extends IndexedRun {
  /** The run's own part of the runs bucket. */
  readonly files: Store;
}

export interface LoadedRun extends OpenRun {
  readonly plan: Plan;
}

/** Throws InputError where there is no such run. */
export async function openRun(ctx: ServiceContext, run: string): Promise<OpenRun> {
  return { ...(await indexedRun(ctx, run)), files: within(ctx.runs, serviceKeys.run(run)) };
}

/** Throws InputError where there is no such run, RunError where it has no plan that this version of igd can read. */
export async function loadRun(ctx: ServiceContext, run: string): Promise<LoadedRun> {
  return withPlan(ctx, await openRun(ctx, run));
}

/** Throws RunError where the run has no plan that this version of igd can read, and says what to do. */
export async function withPlan({ service }: Pick<ServiceContext, 'service'>, open: OpenRun): Promise<LoadedRun> {
  const { run, files } = open;
  const again = `submit its config again, which plans it anew, and then "igd retry ${run} --stack ${service.stack}" where it has ended`;
  const bytes = await files.get(runKeys.plan);
  if (bytes === undefined) throw new RunError(`run ${run} has no ${runKeys.plan}: it was deleted; ${again}`);
  const other = `deploy that version again (npx cdk deploy), or ${again}`;
  return { ...open, plan: decodePlan(bytes, `${run}/${runKeys.plan}`, { other, damaged: again }) };
}

/** Which of a stage's jobs are done, by their position. Lists results, so that 10,000 jobs take ten requests or so. */
export async function doneJobs(
  { rankings }: Pick<ServiceContext, 'rankings'>,
  { plan, files }: Pick<LoadedRun, 'plan' | 'files'>,
  stage: StageName,
): Promise<boolean[]> {
  const keys = stageJobs(plan, stage).map((job) => resultKey(plan, job));
  if (stage === 'rank') return Promise.all(keys.map((key) => rankings.has(key)));
  const there = new Set(await files.list(runKeys.results(stage)));
  return keys.map((key) => there.has(key));
}

/** Positions of what is false. */
export function missing(done: readonly boolean[]): number[] {
  return done.flatMap((isDone, position) => (isDone ? [] : [position]));
}

/** The shards that every variant is done with, in evaluation and, where it is given, in transfer: the lists run alike. */
export function completeShards(plan: Plan, ...stages: readonly (readonly boolean[])[]): Set<number> {
  const complete = new Set(plan.shards.keys());
  for (const [position, job] of stageJobs(plan, 'evaluate').entries()) {
    const isDone = stages.every((done) => done[position] === true);
    if (!isDone && job.kind === 'evaluate') complete.delete(job.shard);
  }
  return complete;
}
