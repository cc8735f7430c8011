import { openActivations } from '../analysis/activations.ts';
import { attackedImages } from '../analysis/attacked-images.ts';
import { layerOf } from '../architectures/open.ts';
import type { AttackPoints } from '../attacks/attack.ts';
import { createAttack } from '../attacks/suites.ts';
import { shiftResultSchema } from '../contracts/analysis.ts';
import { runKeys } from '../contracts/keys.ts';
import { predictedClasses } from '../evaluation/judge.ts';
import type { OnnxModel } from '../evaluation/onnx-model.ts';
import { gather } from '../evaluation/standing.ts';
import { encodeNpy } from '../tensor/npy.ts';
import { float32 } from '../tensor/tensor.ts';
import { analysisAttack } from './analysis-plan.ts';
import type { JobProgress } from './job-progress.ts';
import { imagesOf } from './shard-images.ts';
import type { Workbench } from './workbench.ts';

/** Attacks the images of a shard that the undefended model gets right; keeps its activations before and after. */
export async function shiftShard(
  bench: Workbench,
  { shard }: { readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config } = bench.plan;
  const { batchSize } = config.compute;
  const classifier = await bench.classifier();
  const layer = layerOf(classifier, config.layer ?? '');
  const model = await bench.model('none');
  const images = await imagesOf(bench, shard);
  const reader = await openActivations(classifier, layer, bench.session);
  try {
    const clean = await reader.read(images.x, batchSize);
    const predictions = predictedClasses(clean.logits, model.classes);
    const right = [...predictions.keys()].filter((row) => predictions[row] === images.labels[row]);
    const points = {
      x: gather(images.x, right, model.imageSize),
      labels: Int32Array.from(right, (row) => images.labels[row]!),
      images: right.map((row) => images.images[row]!),
      logits: gather(clean.logits, right, model.classes),
    };
    const after = await reader.read(await attackPoints(bench, model, points, progress), batchSize);
    const pairs = interleaved(gather(clean.activations, right, layer.units), after.activations, layer.units);
    const ends = predictedClasses(after.logits, model.classes);
    const outcomes = points.images.map((image, i) => ({ image, label: points.labels[i]!, prediction: ends[i]! }));
    // The result is what says "done": activations first, so that a done shard always has them.
    await bench.runs.put(runKeys.activations(shard), encodeNpy(float32([right.length, 2, layer.units], pairs)));
    const result = shiftResultSchema.parse({ schema: 'igd.shift/1', images: outcomes });
    await bench.runs.put(runKeys.shift(shard), `${JSON.stringify(result)}\n`);
  } finally {
    await reader.release();
  }
}

/** Where the analysis's attack leaves the points: [n, imageSize]. */
function attackPoints(
  { plan: { config } }: Workbench,
  model: OnnxModel,
  points: AttackPoints,
  progress: (state: JobProgress) => void,
): Promise<Float32Array> {
  const attack = analysisAttack(config);
  const total = points.images.length;
  const used = evaluationsOf(model.usage);
  return attackedImages(model, createAttack(attack), points, {
    threat: config.threat,
    seed: config.seed,
    batchSize: config.compute.batchSize,
    progress({ broken, fraction }) {
      const evaluations = evaluationsOf(model.usage) - used;
      progress({ fraction, attack: attack.attack, robust: total - broken, total, evaluations });
    },
  });
}

function evaluationsOf({ forwards, gradients }: { readonly forwards: number; readonly gradients: number }): number {
  return forwards + gradients;
}

/** [n, size] twice to [n, 2, size]. */
function interleaved(first: Float32Array, second: Float32Array, size: number): Float32Array {
  const pairs = new Float32Array(first.length + second.length);
  for (let row = 0; row * size < first.length; row++) {
    pairs.set(first.subarray(row * size, (row + 1) * size), 2 * row * size);
    pairs.set(second.subarray(row * size, (row + 1) * size), (2 * row + 1) * size);
  }
  return pairs;
}
