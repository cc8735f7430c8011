import { NO_PREDICTION } from '../../attacks/core/predictions.ts';
import { requireFewUnpredicted } from '../../attacks/core/unpredicted.ts';
import { createAttack, type SuiteAttack } from '../../attacks/suites.ts';
import { predictImages } from '../../evaluation/predict.ts';
import { evaluateImages, type SuiteEntry } from '../../evaluation/protocol.ts';
import { encodeNpy } from '../../numeric/npy.ts';
import { gatherRows, stackRows } from '../../numeric/rows.ts';
import { float32 } from '../../numeric/tensor.ts';
import { runKeys } from '../../schemas/keys.ts';
import {
  type ShardResult,
  shardResultSchema,
  type TransferResult,
  transferResultSchema,
} from '../../schemas/results.ts';
import { examplesOf, imagesOf } from '../results.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { resumeProgress, shardCheckpoints } from './shard-checkpoints.ts';
import { requireTestimony } from './testimony.ts';

/** Evaluates one variant on one shard: the whole suite, then the adversarial examples and the result, in that order. */
export async function evaluateShard(
  context: JobContext,
  job: { readonly variant: string; readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config, inputs } = context.plan;
  await requireTestimony(context);
  const model = await context.model(job.variant);
  const images = await imagesOf(context, job.shard);
  const checkpoints = shardCheckpoints(context, job);
  const resumed = resumeProgress(checkpoints, progress);
  const { outcomes, adversarial, usage, checks } = await evaluateImages(model, images, {
    suite: context.plan.suite.map((spec) => entryOf(context, job.variant, spec)),
    threat: config.threat,
    seed: config.seed,
    batchSize: config.compute.batchSize,
    examples: config.examples,
    ...resumed,
  });
  const broken = outcomes.flatMap(({ brokenBy }, row) => (brokenBy === null ? [] : [row]));
  const examples = float32([broken.length, ...inputs.imageShape], gatherRows(adversarial, broken, model.imageSize));
  const result: ShardResult = { schema: 'igd.shard/2', variant: job.variant, images: outcomes, attacks: usage, checks };
  // The result is what says "done": examples first, so that a done shard always has them.
  await context.runs.put(runKeys.examples(job.variant, job.shard), encodeNpy(examples));
  const proof = context.proofOf(job.variant);
  if (proof !== undefined) await context.runs.putNew(runKeys.proof(job.variant), `${JSON.stringify(proof)}\n`);
  await context.runs.put(
    runKeys.evaluation(job.variant, job.shard),
    `${JSON.stringify(shardResultSchema.parse(result), null, 1)}\n`,
  );
  await checkpoints.delete();
}

function entryOf(context: JobContext, variant: string, spec: SuiteAttack): SuiteEntry {
  const { group, on } = spec;
  const entry = { attack: createAttack(spec), group };
  return on === undefined ? entry : { ...entry, craftedOn: () => context.craftedOn(variant, on) };
}

/** Evaluates one variant on the adversarial examples every variant has for a shard's images: one forward an example. */
export async function transferShard(
  context: JobContext,
  job: { readonly variant: string; readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config } = context.plan;
  const model = await context.model(job.variant);
  const sources: TransferResult['sources'] = [];
  const unpredicted = new Set<number>();
  let evaluations = 0;
  for (const { id } of config.variants) {
    const examples = await examplesOf(context.runs, id, job.shard);
    const images = examples.map(({ outcome }) => outcome.image);
    const x = stackRows(
      examples.map((example) => example.x),
      model.imageSize,
    );
    const options = { seed: config.seed, batchSize: config.compute.batchSize };
    const predictions = await predictImages(model, { x, images }, options, ['transfer', id]);
    const none = images.filter((_, i) => predictions[i] === NO_PREDICTION);
    for (const image of none) unpredicted.add(image);
    requireFewUnpredicted(unpredicted, `variant ${job.variant}`);
    const predictionOf = (i: number) => (predictions[i] === NO_PREDICTION ? null : predictions[i]!);
    sources.push({ variant: id, predictions: images.map((image, i) => ({ image, prediction: predictionOf(i) })) });
    evaluations += images.length;
    progress({ fraction: sources.length / config.variants.length, evaluations });
  }
  const result: TransferResult = { schema: 'igd.transfer/1', variant: job.variant, sources };
  await context.runs.put(
    runKeys.transfer(job.variant, job.shard),
    `${JSON.stringify(transferResultSchema.parse(result))}\n`,
  );
}
