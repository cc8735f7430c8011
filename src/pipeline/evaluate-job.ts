import { createAttack, type SuiteAttack, suiteOf } from '../attacks/suites.ts';
import { runKeys } from '../contracts/keys.ts';
import { type ShardResult, shardResultSchema } from '../contracts/results.ts';
import { evaluateImages, type SuiteEntry } from '../evaluation/protocol.ts';
import { gather } from '../evaluation/standing.ts';
import { encodeNpy } from '../tensor/npy.ts';
import { float32 } from '../tensor/tensor.ts';
import type { JobProgress } from './job-progress.ts';
import { sinceResumed } from './resumed.ts';
import { imagesOf } from './shard-images.ts';
import { shardMemory } from './shard-memory.ts';
import type { Workbench } from './workbench.ts';

/** Evaluates one variant on one shard: the whole suite, then the adversarial examples and the result, in that order. */
export async function evaluateShard(
  bench: Workbench,
  job: { readonly variant: string; readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config, inputs } = bench.plan;
  const model = await bench.model(job.variant);
  const images = await imagesOf(bench, job.shard);
  const memory = shardMemory(bench, job);
  const resumed = sinceResumed(memory, progress);
  const { outcomes, adversarial, usage, checks } = await evaluateImages(model, images, {
    suite: suiteOf(config).map((spec) => entryOf(bench, job.variant, spec)),
    threat: config.threat,
    seed: config.seed,
    batchSize: config.compute.batchSize,
    examples: config.examples,
    ...resumed,
  });
  const broken = outcomes.flatMap(({ brokenBy }, row) => (brokenBy === null ? [] : [row]));
  const examples = float32([broken.length, ...inputs.imageShape], gather(adversarial, broken, model.imageSize));
  const result: ShardResult = { schema: 'igd.shard/2', variant: job.variant, images: outcomes, attacks: usage, checks };
  // The result is what says "done": examples first, so that a done shard always has them.
  await bench.runs.put(runKeys.examples(job.variant, job.shard), encodeNpy(examples));
  await bench.runs.put(
    runKeys.evaluation(job.variant, job.shard),
    `${JSON.stringify(shardResultSchema.parse(result), null, 1)}\n`,
  );
  await memory.forget();
}

function entryOf(bench: Workbench, variant: string, spec: SuiteAttack): SuiteEntry {
  const { group, on } = spec;
  const entry = { attack: createAttack(spec), group };
  return on === undefined ? entry : { ...entry, craftedOn: () => bench.craftedOn(variant, on) };
}
