import { runKeys } from '../contracts/keys.ts';
import { type TransferResult, transferResultSchema } from '../contracts/results.ts';
import { predict } from '../evaluation/judge.ts';
import type { JobProgress } from './job-progress.ts';
import { examplesOf } from './shard-images.ts';
import type { Workbench } from './workbench.ts';

/** Judges one variant on the adversarial examples every variant has for a shard's images: one forward an example. */
export async function transferShard(
  bench: Workbench,
  job: { readonly variant: string; readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config } = bench.plan;
  const model = await bench.model(job.variant);
  const sources: TransferResult['sources'] = [];
  let evaluations = 0;
  for (const { id } of config.variants) {
    const examples = await examplesOf(bench.runs, id, job.shard);
    const images = examples.map(({ outcome }) => outcome.image);
    const x = new Float32Array(examples.length * model.imageSize);
    for (const [i, example] of examples.entries()) x.set(example.x, i * model.imageSize);
    const options = { seed: config.seed, batchSize: config.compute.batchSize };
    const predictions = await predict(model, { x, images }, options, ['transfer', id]);
    sources.push({ variant: id, predictions: images.map((image, i) => ({ image, prediction: predictions[i] ?? -1 })) });
    evaluations += images.length;
    progress({ fraction: sources.length / config.variants.length, evaluations });
  }
  const result: TransferResult = { schema: 'igd.transfer/1', variant: job.variant, sources };
  await bench.runs.put(
    runKeys.transfer(job.variant, job.shard),
    `${JSON.stringify(transferResultSchema.parse(result))}\n`,
  );
}
