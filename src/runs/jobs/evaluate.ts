import { NO_PREDICTION } from '../../attacks/core/predictions.ts';
import { requireFewUnpredicted } from '../../attacks/core/unpredicted.ts';
import { craftedOnce, createAttack, type SuiteAttack } from '../../attacks/suites.ts';
import { predictImages } from '../../evaluation/predict.ts';
import type { SuiteEntry } from '../../evaluation/protocol.ts';
import { storedExamples } from '../../evaluation/stored-examples.ts';
import { BITS_OF_FILES } from '../../numeric/quantise.ts';
import { stackRows } from '../../numeric/rows.ts';
import { runKeys } from '../../schemas/keys.ts';
import { NUMERICS } from '../../schemas/numerics.ts';
import { type TransferResult, transferResultSchema } from '../../schemas/results.ts';
import { keepProof } from '../model-records.ts';
import { craftedExamplesOf, examplesOf, imagesOf } from '../results.ts';
import { keepForOthers } from '../reuse/evaluation-store.ts';
import { attackShard } from './attack-shard.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { requireTestimony } from './testimony.ts';

/** Evaluates one variant on one shard: the whole suite, then the adversarial examples and the result, in that order. */
export async function evaluateShard(
  context: JobContext,
  job: { readonly variant: string; readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { variant, shard } = job;
  await requireTestimony(context);
  const suite: SuiteEntry[] = [];
  for (const spec of context.plan.suite) suite.push(await entryOf(context, job, spec));
  const images = await imagesOf(context, shard);
  const attacks = { variant, images, suite, state: runKeys.state(variant, shard), bits: BITS_OF_FILES };
  const result = await attackShard(context, attacks, progress);
  // Done meanwhile by who took this process for dead: examples stay those of the result that is there.
  if (await context.runs.has(runKeys.evaluation(variant, shard))) return result.done();
  // The result is what says "done": examples first, so that a done shard always has them.
  await context.runs.put(runKeys.examples(variant, shard), result.examples);
  const { sizes, pictures } = result.perturbations();
  await context.runs.put(runKeys.pictures(variant, shard), pictures);
  await context.runs.put(runKeys.perturbations(variant, shard), sizes);
  await keepProof(context, variant);
  await context.runs.put(runKeys.evaluation(variant, shard), result.record);
  await result.done();
  const { record, examples } = result;
  const files = { record, examples, pictures, perturbations: sizes };
  await keepForOthers(context, { kind: 'evaluate', variant, shard }, images.images.length, files);
}

async function entryOf(
  context: JobContext,
  { variant, shard }: { readonly variant: string; readonly shard: number },
  spec: SuiteAttack,
): Promise<SuiteEntry> {
  const { name, group, on, sees, except = [] } = spec;
  const entry = { group, ...(sees && { sees }) };
  if (except.includes(variant)) return { ...entry, attack: storedExamples(name, []) };
  const source = craftedOnce(spec);
  if (source !== undefined) {
    const crafted = await craftedExamplesOf(context.runs, source, shard);
    const examples = crafted.filter(({ brokenBy }) => brokenBy === name);
    return {
      ...entry,
      attack: storedExamples(
        name,
        examples.map(({ outcome: { image }, x }) => ({ image, x })),
      ),
    };
  }
  const attack = createAttack(spec);
  return on === undefined
    ? { ...entry, attack }
    : { ...entry, attack, craftedOn: () => context.craftedOn(variant, on) };
}

/** Evaluates one variant on the adversarial examples every variant has for a shard's images: one forward an example. */
export async function transferShard(
  context: JobContext,
  job: { readonly variant: string; readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config } = context.plan;
  // Of a run whose evaluations were all there, this is the first to open a model.
  await requireTestimony(context);
  const model = await context.model(job.variant);
  await keepProof(context, job.variant);
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
  const result: TransferResult = { schema: 'igd.transfer/1', numerics: NUMERICS, variant: job.variant, sources };
  await context.runs.put(
    runKeys.transfer(job.variant, job.shard),
    `${JSON.stringify(transferResultSchema.parse(result))}\n`,
  );
}
