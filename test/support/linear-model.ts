import type { AttackedModel, LossBatch, LossGradient } from '../../src/attacks/core/attack.ts';
import type { LossName } from '../../src/attacks/core/losses.ts';
import type { RandomSource } from '../../src/numeric/random.ts';
import { logitLoss } from '../unit/attacks/logit-losses.ts';

/** A classifier of one image at a time, in plain float64. */
export interface Classifier {
  readonly classes: number;
  readonly imageSize: number;
  logits(x: readonly number[]): number[];
  /** Gradient with respect to the image, from that with respect to the logits. */
  pullback(x: readonly number[], logitGradient: readonly number[]): number[];
}

export interface LinearClassifier extends Classifier {
  /** [classes][imageSize] */
  readonly weights: readonly (readonly number[])[];
}

/** z = weights x + bias. */
export function linearClassifier(
  weights: readonly (readonly number[])[],
  bias: readonly number[] = weights.map(() => 0),
): LinearClassifier {
  const imageSize = weights[0]!.length;
  return {
    weights,
    classes: weights.length,
    imageSize,
    logits: (x) => weights.map((row, c) => dot(row, x) + bias[c]!),
    pullback: (_, logitGradient) => combined(weights, logitGradient, imageSize),
  };
}

/**
 * A linear classifier whose classes' weights differ from each other in half of the coordinates, by the same amount: rows
 * of Sylvester's Hadamard matrix of order 8 but its constant first one, side by side. At most 7 classes; images of a
 * multiple of 8 numbers.
 */
export function equidistantClassifier(classes: number, imageSize: number): LinearClassifier {
  const sign = (row: number, column: number) => (bitCount(row & column) % 2 === 0 ? 1 : -1);
  return linearClassifier(
    Array.from({ length: classes }, (_, c) => Array.from({ length: imageSize }, (_unused, k) => sign(c + 1, k % 8))),
  );
}

function bitCount(value: number): number {
  return value.toString(2).replaceAll('0', '').length;
}

export interface ModelOptions {
  /** Standard deviation of the noise a randomised model adds to each image. */
  readonly noise?: number;
  /** Sees the images of every evaluation with a gradient. */
  readonly onGradient?: (batch: LossBatch) => void;
}

/** A classifier as attacks see models: float32 in and out, row by row. */
export function attackedModel(classifier: Classifier, options: ModelOptions = {}): AttackedModel {
  const { classes, imageSize } = classifier;
  const { noise = 0, onGradient } = options;
  const image = (x: Float32Array, row: number, stream: RandomSource) => {
    const values = Array.from(x.subarray(row * imageSize, (row + 1) * imageSize));
    return noise === 0 ? values : values.map((value) => value + noise * stream.normal());
  };
  return {
    classes,
    imageSize,
    imageShape: [1, 1, imageSize],
    randomised: noise > 0,
    async logits(x, streams) {
      return Float32Array.from(streams.flatMap((stream, row) => classifier.logits(image(x, row, stream))));
    },
    async gradient(loss, batch, streams) {
      onGradient?.(batch);
      const rows = streams.map((stream, row) => rowGradient(classifier, loss, batch, row, image(batch.x, row, stream)));
      return joined(rows);
    },
  };
}

interface Row {
  readonly loss: number;
  readonly logits: readonly number[];
  readonly gradient: readonly number[];
}

function rowGradient(classifier: Classifier, loss: LossName, batch: LossBatch, row: number, x: readonly number[]): Row {
  const logits = classifier.logits(x);
  const parameters = {
    target: batch.targets?.[row] ?? -1,
    reference: batch.references?.subarray(row * logits.length, (row + 1) * logits.length) ?? new Float32Array(),
    weight: batch.weights?.[row] ?? 0,
  };
  const { value, gradient } = logitLoss(loss, logits, batch.labels[row]!, parameters);
  return { loss: value, logits, gradient: classifier.pullback(x, gradient) };
}

function joined(rows: readonly Row[]): LossGradient {
  return {
    loss: Float32Array.from(rows, ({ loss }) => loss),
    logits: Float32Array.from(rows.flatMap(({ logits }) => logits)),
    gradient: Float32Array.from(rows.flatMap(({ gradient }) => gradient)),
  };
}

/** A plain loop: thousands of evaluations a test make closures felt. */
function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/** Sum of the rows, each times its factor. */
function combined(rows: readonly (readonly number[])[], factors: readonly number[], size: number): number[] {
  const sums = new Array<number>(size).fill(0);
  for (const [r, row] of rows.entries()) {
    const factor = factors[r]!;
    for (let k = 0; k < size; k++) sums[k]! += factor * row[k]!;
  }
  return sums;
}
