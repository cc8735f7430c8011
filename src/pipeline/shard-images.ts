import { RunError } from '../contracts/errors.ts';
import { runKeys } from '../contracts/keys.ts';
import { type ImageOutcome, type ShardResult, shardResultSchema } from '../contracts/results.ts';
import type { EvaluationImages } from '../evaluation/standing.ts';
import type { Store } from '../stores/store.ts';
import { decodeNpy } from '../tensor/npy.ts';
import type { Plan } from './plan.ts';
import { parseStored } from './stored.ts';
import type { Workbench } from './workbench.ts';

/** The clean images of a shard. */
export async function imagesOf(bench: Pick<Workbench, 'plan' | 'test'>, shard: number): Promise<EvaluationImages> {
  const dataset = await bench.test();
  const { first, count } = shardOf(bench.plan, shard);
  return {
    x: await dataset.pixels(first, count),
    labels: dataset.labels.subarray(first, first + count),
    images: Array.from({ length: count }, (_, i) => first + i),
  };
}

/** A broken image and the example that broke it. */
export interface AdversarialExample {
  readonly outcome: ImageOutcome;
  /** [imageSize] */
  readonly x: Float32Array;
}

/** The adversarial examples a variant's shard left behind. Throws RunError where they are missing or do not fit the result. */
export async function examplesOf(runs: Store, variant: string, shard: number): Promise<AdversarialExample[]> {
  const { images } = await shardResult(runs, variant, shard);
  const key = runKeys.examples(variant, shard);
  const bytes = await runs.get(key);
  if (bytes === undefined)
    throw new RunError(`${key} is missing: delete ${runKeys.evaluation(variant, shard)} and run again`);
  const tensor = decodeNpy(bytes, key);
  const broken = images.filter(({ brokenBy }) => brokenBy !== null);
  if (tensor.type !== 'float32' || tensor.dims[0] !== broken.length) {
    throw new RunError(`${key} holds ${tensor.dims[0]} examples, its shard has ${broken.length} broken images`);
  }
  const size = tensor.data.length / Math.max(broken.length, 1);
  return broken.map((outcome, i) => ({ outcome, x: tensor.data.subarray(i * size, (i + 1) * size) }));
}

/** Throws RunError where the shard is not done or its result cannot be read. */
export async function shardResult(runs: Store, variant: string, shard: number): Promise<ShardResult> {
  const key = runKeys.evaluation(variant, shard);
  const bytes = await runs.get(key);
  if (bytes === undefined) throw new RunError(`${key} is missing: run again to compute it`);
  return parseStored(shardResultSchema, bytes, key);
}

function shardOf({ shards }: Plan, index: number) {
  const shard = shards[index];
  if (shard === undefined) throw new RunError(`the plan has no shard ${index}`);
  return shard;
}
