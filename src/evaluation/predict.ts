import { predictedClass } from '../attacks/core/predictions.ts';
import { keyedStream, type RandomStream, type StreamKey } from '../numeric/random.ts';
import type { MeteredModel } from './onnx-model.ts';

export interface PredictOptions {
  readonly seed: number;
  readonly batchSize: number;
}

/** Rows of images with their indices in the data set. */
export interface IndexedImages {
  /** [n, imageSize] */
  readonly x: Float32Array;
  readonly images: readonly number[];
}

/** Logits [n, classes]; the noise of a randomised model is that of (seed, image, ...key). */
export function logitsOf(
  model: MeteredModel,
  images: IndexedImages,
  options: PredictOptions,
  key: StreamKey,
): Promise<Float32Array> {
  return evaluate(model, images, options.batchSize, (image) => keyedStream([options.seed, image, ...key]));
}

/** Class the model gives each image; NO_PREDICTION where it gives none. */
export async function predictImages(
  model: MeteredModel,
  images: IndexedImages,
  options: PredictOptions,
  key: StreamKey,
): Promise<Int32Array> {
  return predictedClasses(await logitsOf(model, images, options, key), model.classes);
}

/**
 * Class the model gives each adversarial example; `attacks` names the attack that made each. The noise is that of
 * a stream of its own, so that `verify` can repeat it; its key is the first edition's, for results depend on it.
 */
export async function predictCandidates(
  model: MeteredModel,
  examples: IndexedImages & { readonly attacks: readonly string[] },
  { seed, batchSize }: PredictOptions,
): Promise<Int32Array> {
  const stream = (image: number, row: number) => keyedStream([seed, image, 'judge', examples.attacks[row]!]);
  return predictedClasses(await evaluate(model, examples, batchSize, stream), model.classes);
}

export function predictedClasses(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => predictedClass(logits, row, classes));
}

async function evaluate(
  model: MeteredModel,
  { x, images }: IndexedImages,
  batchSize: number,
  stream: (image: number, row: number) => RandomStream,
): Promise<Float32Array> {
  const logits = new Float32Array(images.length * model.classes);
  for (let first = 0; first < images.length; first += batchSize) {
    const batch = images.slice(first, first + batchSize);
    const rows = x.subarray(first * model.imageSize, (first + batch.length) * model.imageSize);
    const streams = batch.map((image, i) => stream(image, first + i));
    logits.set(await model.logits(rows, streams), first * model.classes);
  }
  return logits;
}
