import { stagesOf } from '../runs/planning/plan.ts';
import { readRecord } from '../schemas/parse-record.ts';
import { remoteKeys, type StageName, type TaskProgress, taskProgressSchema } from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import type { LoadedRun, OpenRun } from './load-run.ts';

/** Progress records read of a stage; of more, an even choice. */
const READ_AT_MOST = 500;

export interface StageProgress {
  /** Of tasks that are under way or were: every one of them, or an even choice. */
  readonly progress: readonly TaskProgress[];
  /** Seconds containers have computed in this attempt, as far as they have told: what a Spot reclaim cut off is not in it. */
  readonly computeSeconds: number;
}

export async function stageProgress({ files, attempt }: OpenRun, stage: StageName): Promise<StageProgress> {
  const keys = await files.list(remoteKeys.progressOf(attempt, stage));
  const stride = Math.max(1, Math.ceil(keys.length / READ_AT_MOST));
  const chosen = keys.filter((_, index) => index % stride === 0);
  const records = await Promise.all(chosen.map((key) => readRecord(files, key, taskProgressSchema)));
  const progress = records.filter((record) => record !== undefined);
  const seconds = progress.reduce((sum, { startedAt, at }) => sum + (Date.parse(at) - Date.parse(startedAt)) / 1000, 0);
  return { progress, computeSeconds: progress.length === 0 ? 0 : (seconds / progress.length) * keys.length };
}

/** That an attempt has cost what its config or the stack allows, in a sentence; undefined while it has not, or nothing limits it. */
export async function overspent({ service }: ServiceContext, open: LoadedRun): Promise<string | undefined> {
  const [{ plan }] = open.parts;
  const { maxDollars = service.maxDollars, compute } = plan.config;
  if (maxDollars === null) return undefined;
  const stages = await Promise.all(stagesOf(plan).map((stage) => stageProgress(open, stage)));
  const hours = stages.reduce((sum, { computeSeconds }) => sum + computeSeconds, 0) / 3600;
  const price = service.hourDollars[compute.device === 'cpu' ? 'cpu' : 'gpu'];
  if (hours * price < maxDollars) return undefined;
  return (
    `Attempt ${open.attempt} was stopped at maxDollars (${maxDollars}): its containers have computed ${hours.toFixed(2)} hours, ` +
    `about $${(hours * price).toFixed(2)} at $${price} an hour.`
  );
}
