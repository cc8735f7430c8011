import { readFile } from 'node:fs/promises';
import { baseModel } from '../../src/defense/defended-model.ts';
import { InputError } from '../../src/errors.ts';
import { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { decodeNpy } from '../../src/numeric/npy.ts';
import { keyedStream } from '../../src/numeric/random.ts';
import { toNumbers } from '../../src/numeric/tensor.ts';
import { type ClassifierSpec, openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { describeReading } from '../../src/schemas/reading.ts';

/** Images and what RobustBench's own code computes of them, in float64. */
export interface Truth {
  readonly x: Float32Array;
  readonly shape: readonly [channels: number, height: number, width: number];
  readonly labels: Int32Array;
  readonly logits: readonly number[];
  readonly gradient: readonly number[];
}

/** What igd makes of a file. Errors are relative to the largest value: the worst of the logits, the median of the gradient. */
export type Outcome =
  | { readonly kind: 'right' | 'wrong'; readonly logits: number; readonly gradient: number; readonly assumed: string[] }
  | { readonly kind: 'refused'; readonly message: string };

/** float32 against float64, summed over hundreds of channels. */
const TOLERANCE = 1e-5;

/** Reads what make.py wrote beside the file of a model. */
export async function readTruth(stem: string): Promise<Truth> {
  const read = async (what: string) => decodeNpy(await readFile(`${stem}.${what}.npy`), `${stem}.${what}.npy`);
  const [x, y, logits, gradient] = [await read('x'), await read('y'), await read('logits'), await read('gradient')];
  const [, channels = 0, height = 0, width = 0] = x.dims;
  return {
    x: Float32Array.from(toNumbers(x)),
    shape: [channels, height, width],
    labels: Int32Array.from(toNumbers(y)),
    logits: toNumbers(logits),
    gradient: toNumbers(gradient),
  };
}

/** Opens the file as `spec` says and compares. What is refused is refused by name, or it is a bug and thrown. */
export async function outcomeOf(spec: ClassifierSpec, truth: Truth): Promise<Outcome> {
  try {
    const classifier = await openClassifier({ ...spec, imageShape: truth.shape });
    const { logits, gradient } = await evaluate(classifier, truth);
    const errors = { logits: largest(logits, truth.logits), gradient: median(gradient, truth.gradient) };
    const isRight = errors.logits <= TOLERANCE && errors.gradient <= TOLERANCE;
    const assumed = describeReading(classifier.reading.filter(({ source }) => source === 'assumed'));
    return { kind: isRight ? 'right' : 'wrong', ...errors, assumed };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { kind: 'refused', message: error.message };
  }
}

async function evaluate(classifier: Classifier, { x, shape, labels }: Truth) {
  const model = new OnnxModel(baseModel(classifier), shape, classifier.classes, onnxRuntime({ threads: 1 }));
  try {
    return await model.gradient(
      'ce',
      { x, labels },
      Array.from(labels, (_, i) => keyedStream([0, i, 'clean'])),
    );
  } finally {
    await model.release();
  }
}

/** A wrong number of values is as wrong as can be, and so is one that is no number. */
function errorsOf(found: Float32Array, truth: readonly number[]): number[] {
  if (found.length !== truth.length) return [Number.POSITIVE_INFINITY];
  const scale = truth.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return truth.map((value, i) => {
    const error = Math.abs(found[i]! - value) / scale;
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  });
}

function largest(found: Float32Array, truth: readonly number[]): number {
  return errorsOf(found, truth).reduce((most, error) => Math.max(most, error), 0);
}

function median(found: Float32Array, truth: readonly number[]): number {
  const errors = errorsOf(found, truth).sort((a, b) => a - b);
  return errors[Math.floor(errors.length / 2)]!;
}
