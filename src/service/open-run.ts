import { RunError } from '../contracts/errors.ts';
import { runKeys } from '../contracts/keys.ts';
import { type StageName, serviceKeys } from '../contracts/service.ts';
import { resultKey } from '../pipeline/done.ts';
import { decodePlan, type Plan } from '../pipeline/plan.ts';
import { stageJobs } from '../pipeline/stages.ts';
import type { Store } from '../stores/store.ts';
import { within } from '../stores/within.ts';
import type { ServiceContext } from './context.ts';
import { type IndexedRun, indexedRun } from './run-index.ts';

/** A run and its newest attempt. */
export interface OpenRun extends IndexedRun {
  readonly plan: Plan;
  /** The run's own part of the runs bucket. */
  readonly files: Store;
}

/** Throws InputError where there is no such run. */
export async function openRun(ctx: ServiceContext, run: string): Promise<OpenRun> {
  const indexed = await indexedRun(ctx, run);
  const files = within(ctx.runs, serviceKeys.run(run));
  const bytes = await files.get(runKeys.plan);
  if (bytes === undefined)
    throw new RunError(`run ${run} has no ${runKeys.plan}: it was deleted; submit its config again`);
  return { ...indexed, files, plan: decodePlan(bytes, `${run}/${runKeys.plan}`) };
}

/** Which of a stage's jobs are done, by their position. Lists results, so that 10,000 jobs take ten requests or so. */
export async function doneJobs(
  { rankings }: Pick<ServiceContext, 'rankings'>,
  { plan, files }: Pick<OpenRun, 'plan' | 'files'>,
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
