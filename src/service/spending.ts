import { stagesOf } from '../runs/planning/plan.ts';
import { encodeRecord, readRecord } from '../schemas/parse-record.ts';
import {
  type CostEstimate,
  costEstimateSchema,
  remoteKeys,
  type StageName,
  type TaskProgress,
  taskProgressSchema,
} from '../schemas/service.ts';
import type { ServiceContext } from './context.ts';
import type { LoadedRun, OpenRun } from './load-run.ts';
import { claimOf } from './run-index.ts';
import { readStage, stageStates } from './stage.ts';

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
  const seconds = progress.reduce((sum, record) => sum + secondsOf(record), 0);
  return { progress, computeSeconds: progress.length === 0 ? 0 : (seconds / progress.length) * keys.length };
}

function secondsOf({ startedAt, at }: TaskProgress): number {
  return (Date.parse(at) - Date.parse(startedAt)) / 1000;
}

/** What an attempt may cost, and whether somebody has said so who knew what it is expected to; undefined where nothing limits it. */
export async function limitOf(
  ctx: ServiceContext,
  { run, attempt, parts: [{ plan }] }: Pick<LoadedRun, 'run' | 'attempt' | 'parts'>,
): Promise<{ readonly maxDollars: number; readonly isApproved: boolean } | undefined> {
  const claim = await claimOf(ctx, run, attempt);
  if (claim?.maxDollars !== undefined) return { maxDollars: claim.maxDollars, isApproved: true };
  const { maxDollars = ctx.service.maxDollars } = plan.config;
  return maxDollars === null ? undefined : { maxDollars, isApproved: false };
}

function hourDollars({ service }: ServiceContext, { parts: [{ plan }] }: Pick<LoadedRun, 'parts'>): number {
  return service.hourDollars[plan.config.compute.device === 'cpu' ? 'cpu' : 'gpu'];
}

/** That an attempt has cost what it may, in a sentence; undefined while it has not, or nothing limits it. */
export async function overspent(ctx: ServiceContext, open: LoadedRun): Promise<string | undefined> {
  const limit = await limitOf(ctx, open);
  if (limit === undefined) return undefined;
  const [{ plan }] = open.parts;
  const stages = await Promise.all(stagesOf(plan).map((stage) => stageProgress(open, stage)));
  const hours = stages.reduce((sum, { computeSeconds }) => sum + computeSeconds, 0) / 3600;
  const price = hourDollars(ctx, open);
  if (hours * price < limit.maxDollars) return undefined;
  return (
    `Attempt ${open.attempt} was stopped at maxDollars (${limit.maxDollars}): its containers have computed ${hours.toFixed(2)} hours, ` +
    `about ${dollarsText(hours * price)} at $${price} an hour ("igd approve ${open.run} --max-dollars N" gives it another limit).`
  );
}

/**
 * What the evaluations of an attempt that has a limit are expected to cost, where that is more: the task that was sent ahead took so
 * long, and there are so many. undefined where it is less, is not known yet, or was approved.
 */
export async function tooDear(ctx: ServiceContext, open: LoadedRun): Promise<CostEstimate | undefined> {
  const limit = await limitOf(ctx, open);
  if (limit === undefined || limit.isApproved) return undefined;
  const known = await readRecord(open.files, remoteKeys.estimate(open.attempt), costEstimateSchema);
  const estimate = known ?? (await newEstimate(ctx, open, limit.maxDollars));
  return estimate !== undefined && estimate.dollars > estimate.maxDollars ? estimate : undefined;
}

async function newEstimate(
  ctx: ServiceContext,
  open: LoadedRun,
  maxDollars: number,
): Promise<CostEstimate | undefined> {
  const begun = await readStage(open, 'evaluate');
  if (begun?.work.canary !== true) return undefined;
  const first = await readRecord(open.files, remoteKeys.progress(open.attempt, 'evaluate', 0), taskProgressSchema);
  if (first === undefined || first.done < first.jobs) return undefined;
  // Where events were lost the others may be done as well: then they have cost what they have.
  if ((await stageStates(ctx, begun)).ended) return undefined;
  const tasks = Math.ceil(begun.work.jobs.length / begun.work.jobsPerTask);
  const seconds = secondsOf(first);
  const dollars = ((seconds * tasks) / 3600) * hourDollars(ctx, open);
  const estimate = { schema: 'igd.cost-estimate/1', seconds, tasks, dollars, maxDollars } as const;
  const record = costEstimateSchema.parse({ ...estimate, at: ctx.now().toISOString() });
  await open.files.putNew(remoteKeys.estimate(open.attempt), encodeRecord(record));
  return record;
}

/** "$4.20" */
export function dollarsText(dollars: number): string {
  return `$${dollars.toFixed(2)}`;
}
