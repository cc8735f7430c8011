import { type AttackPoints, evaluationsIn } from '../../attacks/core/attack.ts';
import { createAttack } from '../../attacks/suites.ts';
import { RunError } from '../../errors.ts';
import { type Activations, openActivations } from '../../evaluation/analysis/activations.ts';
import { attackedImages } from '../../evaluation/analysis/attacked-images.ts';
import { lossSurface } from '../../evaluation/analysis/loss-surface.ts';
import type { OnnxModel } from '../../evaluation/onnx-model.ts';
import { predictedClasses } from '../../evaluation/predict.ts';
import { layerOf } from '../../models/classifier.ts';
import { isFiniteRow } from '../../numeric/float32.ts';
import { encodeNpy } from '../../numeric/npy.ts';
import { imagesText } from '../../numeric/ranges.ts';
import { gatherRows, rowOf } from '../../numeric/rows.ts';
import { float32 } from '../../numeric/tensor.ts';
import { shiftResultSchema, surfaceResultSchema } from '../../schemas/analysis.ts';
import { runKeys } from '../../schemas/keys.ts';
import { NUMERICS } from '../../schemas/numerics.ts';
import { UNDEFENDED } from '../../schemas/variants.ts';
import { keepProof } from '../model-records.ts';
import { analysisAttack, analysisMask } from '../planning/analysis-plan.ts';
import { imagesOf } from '../results.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { requireTestimony } from './testimony.ts';

/** Attacks the images of a shard that the undefended model gets right; keeps its activations before and after. */
export async function shiftShard(
  context: JobContext,
  { shard }: { readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config } = context.plan;
  const { batchSize } = config.compute;
  // A ranking that was there before brings no testimony along.
  await requireTestimony(context);
  const classifier = await context.classifier();
  const layer = layerOf(classifier, analysisMask(config).layer);
  const model = await context.model(UNDEFENDED.id);
  const images = await imagesOf(context, shard);
  const reader = await openActivations(classifier, layer, context.runtime);
  try {
    const clean = await reader.read(images.x, batchSize);
    const predictions = predictedClasses(clean.logits, model.classes);
    requireNumbers(images.images, clean, layer.units, model.classes, 'as they are');
    const right = [...predictions.keys()].filter((row) => predictions[row] === images.labels[row]);
    const points = {
      x: gatherRows(images.x, right, model.imageSize),
      labels: Int32Array.from(right, (row) => images.labels[row]!),
      images: right.map((row) => images.images[row]!),
      logits: gatherRows(clean.logits, right, model.classes),
    };
    const after = await reader.read(await attackPoints(context, model, points, progress), batchSize);
    requireNumbers(points.images, after, layer.units, model.classes, 'where the attack left them');
    const pairs = interleaved(gatherRows(clean.activations, right, layer.units), after.activations, layer.units);
    const ends = predictedClasses(after.logits, model.classes);
    const outcomes = points.images.map((image, i) => ({ image, label: points.labels[i]!, prediction: ends[i]! }));
    // The result is what says "done": activations first, so that a done shard always has them.
    await keepProof(context, UNDEFENDED.id);
    await context.runs.put(runKeys.activations(shard), encodeNpy(float32([right.length, 2, layer.units], pairs)));
    const result = shiftResultSchema.parse({ schema: 'igd.shift/1', numerics: NUMERICS, images: outcomes });
    await context.runs.put(runKeys.shift(shard), `${JSON.stringify(result)}\n`);
  } finally {
    await reader.release();
  }
}

/** Throws RunError where an activation or a logit is NaN or infinite: a mean over images would be as well. */
function requireNumbers(
  images: readonly number[],
  { activations, logits }: Activations,
  units: number,
  classes: number,
  where: string,
): void {
  const odd = images.filter(
    (_, row) => !isFiniteRow(rowOf(activations, row, units)) || !isFiniteRow(rowOf(logits, row, classes)),
  );
  if (odd.length === 0) return;
  throw new RunError(
    `activations or logits of the model are NaN or infinite on ${imagesText(odd)}, ${where}: nothing can be said of ` +
      'their shift; look in the model for a division by 0, a logarithm of 0 or an overflow',
  );
}

/** Where the analysis's attack leaves the points: [n, imageSize]. */
function attackPoints(
  { plan: { config } }: JobContext,
  model: OnnxModel,
  points: AttackPoints,
  progress: (state: JobProgress) => void,
): Promise<Float32Array> {
  const attack = analysisAttack(config);
  const total = points.images.length;
  const used = evaluationsIn([model.usage]);
  return attackedImages(model, createAttack(attack), points, {
    threat: config.threat,
    seed: config.seed,
    batchSize: config.compute.batchSize,
    progress({ broken, fraction }) {
      const evaluations = evaluationsIn([model.usage]) - used;
      progress({ fraction, attack: attack.attack, robust: total - broken, total, evaluations });
    },
  });
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

/** The loss of one variant on a plane through one image. */
export async function surfaceOf(
  context: JobContext,
  { variant, image }: { readonly variant: string; readonly image: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { threat, seed, compute, analysis } = context.plan.config;
  if (analysis.lossSurface === undefined) throw new RunError('the plan has no loss surfaces');
  const { points } = analysis.lossSurface;
  const model = await context.model(variant);
  const shard = context.plan.shards.findIndex(({ first, count }) => image >= first && image < first + count);
  if (shard < 0) throw new RunError(`the plan has no image ${image}`);
  const { x, labels, images } = await imagesOf(context, shard);
  const row = images.indexOf(image);
  const label = labels[row]!;
  const subject = { x: x.slice(row * model.imageSize, (row + 1) * model.imageSize), label, image };
  const surface = await lossSurface(model, subject, {
    threat,
    points,
    seed,
    batchSize: compute.batchSize,
    progress: (done) => progress({ fraction: done / points ** 2, evaluations: done }),
  });
  if (!surface.loss.flat().every(Number.isFinite))
    throw new RunError(`the loss of ${variant} around image ${image} is not finite: the model breaks down there`);
  await keepProof(context, variant);
  const result = surfaceResultSchema.parse({
    schema: 'igd.surface/1',
    numerics: NUMERICS,
    ...{ variant, image, label, ...surface },
  });
  await context.runs.put(runKeys.surface(variant, image), `${JSON.stringify(result)}\n`);
}
