import type { z } from 'zod';
import { RunError } from '../errors.ts';
import type { EvaluationImages } from '../evaluation/image-state.ts';
import { rowOf } from '../numeric/rows.ts';
import { rankingKey, runKeys } from '../schemas/keys.ts';
import { parseRecord } from '../schemas/parse-record.ts';
import {
  type ImageOutcome,
  type ShardResult,
  shardResultSchema,
  type TransferResult,
  transferResultSchema,
} from '../schemas/results.ts';
import type { Store } from '../stores/store.ts';
import type { JobContext } from './jobs/job-context.ts';
import { type Job, type Plan, plannedRanking } from './planning/plan.ts';
import { storedArray } from './stored.ts';

/** The clean images of a shard. */
export async function imagesOf(context: Pick<JobContext, 'plan' | 'test'>, shard: number): Promise<EvaluationImages> {
  const dataset = await context.test();
  const { first, count } = shardOf(context.plan, shard);
  return {
    x: await dataset.pixels(first, count),
    labels: dataset.labels.subarray(first, first + count),
    images: Array.from({ length: count }, (_, i) => first + i),
  };
}

/** A broken image and the example that broke it. */
export interface AdversarialExample {
  readonly outcome: ImageOutcome;
  /** The attack that made it. */
  readonly brokenBy: string;
  /** [imageSize] */
  readonly x: Float32Array;
}

/** The adversarial examples a variant's shard left behind. Throws RunError where they are missing or do not fit the result. */
export async function examplesOf(runs: Store, variant: string, shard: number): Promise<AdversarialExample[]> {
  return readExamples(runs, runKeys.evaluation(variant, shard), runKeys.examples(variant, shard));
}

/** Those made on a variant to be tried on all of them. Throws RunError as `examplesOf`. */
export async function craftedExamplesOf(runs: Store, variant: string, shard: number): Promise<AdversarialExample[]> {
  return readExamples(runs, runKeys.crafted(variant, shard), runKeys.craftedExamples(variant, shard));
}

/** Those of a shard of a variant's audit. Throws RunError as `examplesOf`. */
export async function auditExamplesOf(runs: Store, variant: string, shard: number): Promise<AdversarialExample[]> {
  return readExamples(runs, runKeys.audit(variant, shard), runKeys.auditExamples(variant, shard));
}

async function readExamples(runs: Store, result: string, key: string): Promise<AdversarialExample[]> {
  const { images } = await readResult(runs, result, shardResultSchema);
  const bytes = await runs.get(key);
  if (bytes === undefined) throw new RunError(`${key} is missing: delete ${result} and run again`);
  const remedy = `delete it and ${result} and run again`;
  const tensor = storedArray(bytes, key, remedy);
  const broken = images.flatMap((outcome) =>
    outcome.brokenBy === null ? [] : [{ outcome, brokenBy: outcome.brokenBy }],
  );
  if (tensor.type !== 'float32' || tensor.dims[0] !== broken.length) {
    throw new RunError(
      `${key} holds ${tensor.dims[0]} examples, its shard has ${broken.length} broken images: ${remedy}`,
    );
  }
  const size = tensor.data.length / Math.max(broken.length, 1);
  return broken.map((example, i) => ({ ...example, x: rowOf(tensor.data, i, size) }));
}

/** Throws RunError where the shard is not done or its result cannot be read. */
export function shardResult(runs: Store, variant: string, shard: number): Promise<ShardResult> {
  return readResult(runs, runKeys.evaluation(variant, shard), shardResultSchema);
}

/** What making a variant's examples took and found. Throws RunError as `shardResult`. */
export function craftedResult(runs: Store, variant: string, shard: number): Promise<ShardResult> {
  return readResult(runs, runKeys.crafted(variant, shard), shardResultSchema);
}

/** What a part of a variant's audit took and found. Throws RunError as `shardResult`. */
export function auditResult(runs: Store, variant: string, shard: number): Promise<ShardResult> {
  return readResult(runs, runKeys.audit(variant, shard), shardResultSchema);
}

/** What a variant made of a shard's examples. Throws RunError as `shardResult`. */
export function transferResult(runs: Store, variant: string, shard: number): Promise<TransferResult> {
  return readResult(runs, runKeys.transfer(variant, shard), transferResultSchema);
}

async function readResult<T>(runs: Store, key: string, schema: z.ZodType<T>): Promise<T> {
  const bytes = await runs.get(key);
  if (bytes === undefined) throw new RunError(`${key} is missing: run again to compute it`);
  return parseRecord(schema, bytes, key);
}

/** Results read at a time: a bucket answers no faster for more, and a Lambda's memory is small. */
const READ_AT_ONCE = 48;

/** A few at a time, in order. */
export async function readAll<From, To>(items: readonly From[], read: (item: From) => Promise<To>): Promise<To[]> {
  const results: To[] = [];
  for (let first = 0; first < items.length; first += READ_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(first, first + READ_AT_ONCE).map(read))));
  }
  return results;
}

/** Throws RunError where the plan has no such shard. */
export function shardOf({ shards }: Plan, index: number) {
  const shard = shards[index];
  if (shard === undefined) throw new RunError(`the plan has no shard ${index}`);
  return shard;
}

/** Whether a job's result is there already. */
export function isDone(
  { plan, runs, rankings }: { readonly plan: Plan; readonly runs: Store; readonly rankings: Store },
  job: Job,
): Promise<boolean> {
  return job.kind === 'rank' ? rankings.has(resultKey(plan, job)) : runs.has(resultKey(plan, job));
}

/** Where a job's result goes: of a ranking in the ranking store, of every other job in the run's. */
export function resultKey(plan: Plan, job: Job): string {
  switch (job.kind) {
    case 'rank':
      return rankingKey(plannedRanking(plan, job.method).digest);
    case 'craft':
      return runKeys.crafted(job.variant, job.shard);
    case 'evaluate':
      return runKeys.evaluation(job.variant, job.shard);
    case 'transfer':
      return runKeys.transfer(job.variant, job.shard);
    case 'audit':
      return runKeys.audit(job.variant, job.shard);
    case 'shift':
      return runKeys.shift(job.shard);
    case 'surface':
      return runKeys.surface(job.variant, job.image);
  }
}
