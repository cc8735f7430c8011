import { predictedClass } from '../attacks/predictions.ts';
import { type RandomStream, type StreamKey, streamOf } from '../random/stream.ts';
import type { OnnxModel } from './onnx-model.ts';

export interface PredictOptions {
  readonly seed: number;
  readonly batchSize: number;
}

/** Rows of images with their indices in the data set. */
export interface JudgedImages {
  /** [n, imageSize] */
  readonly x: Float32Array;
  readonly images: readonly number[];
}

/** Logits [n, classes]; the noise of a randomised model is that of (seed, image, ...key). */
export function logitsOf(
  model: OnnxModel,
  images: JudgedImages,
  options: PredictOptions,
  key: StreamKey,
): Promise<Float32Array> {
  return evaluate(model, images, options.batchSize, (image) => streamOf([options.seed, image, ...key]));
}

/** Class the model gives each image. */
export async function predict(
  model: OnnxModel,
  images: JudgedImages,
  options: PredictOptions,
  key: StreamKey,
): Promise<Int32Array> {
  return predictedClasses(await logitsOf(model, images, options, key), model.classes);
}

/**
 * Class the model gives each adversarial example; `attacks` names the attack that made each. The noise of this judgement is
 * its own, so that `verify` can repeat it.
 */
export async function judgePredictions(
  model: OnnxModel,
  examples: JudgedImages & { readonly attacks: readonly string[] },
  { seed, batchSize }: PredictOptions,
): Promise<Int32Array> {
  const stream = (image: number, row: number) => streamOf([seed, image, 'judge', examples.attacks[row] ?? '']);
  return predictedClasses(await evaluate(model, examples, batchSize, stream), model.classes);
}

export function predictedClasses(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => predictedClass(logits, row, classes));
}

async function evaluate(
  model: OnnxModel,
  { x, images }: JudgedImages,
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
