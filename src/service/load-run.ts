import { RunError } from '../errors.ts';
import { decodePlan } from '../runs/planning/plan.ts';
import { runKeys } from '../schemas/keys.ts';
import { serviceKeys } from '../schemas/service.ts';
import { type Store, within } from '../stores/store.ts';
import type { ServiceContext } from './context.ts';
import { type RunParts, readParts } from './parts.ts';
import { type IndexedRun, indexedRun } from './run-index.ts';

/** A run and its newest attempt, whatever became of its plan. */
export interface OpenRun extends IndexedRun {
  /** The run's own part of the runs bucket. */
  readonly files: Store;
}

export interface LoadedRun extends OpenRun, RunParts {}

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
  const other = `deploy that version again (npx cdk deploy), or ${again}`;
  const decode = (bytes: Uint8Array, key: string) => decodePlan(bytes, `${run}/${key}`, { other, damaged: again });
  const planned = await readParts(files, decode);
  if (planned === undefined) throw new RunError(`run ${run} has no ${runKeys.plan}: it was deleted; ${again}`);
  return { ...open, ...planned };
}
