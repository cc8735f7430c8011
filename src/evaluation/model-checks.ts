import type { AttackPoints } from '../attacks/core/attack.ts';
import { isFiniteRow } from '../numeric/float32.ts';
import { keyedStream } from '../numeric/random.ts';
import { rowOf } from '../numeric/rows.ts';
import type { ModelChecks } from '../schemas/results.ts';
import type { MeteredModel } from './onnx-model.ts';
import { logitsOf, type PredictOptions } from './predict.ts';

/**
 * What may make a robust accuracy worthless, measured on the correctly classified images of a shard: the checks of
 * `checks.py` in fra31/auto-attack. That a model optimises at test time, its last check, cannot happen to an ONNX graph.
 */
export async function checkModel(
  model: MeteredModel,
  points: AttackPoints,
  options: PredictOptions,
): Promise<ModelChecks> {
  return {
    randomised: await isRandomised(model, points, options),
    probabilities: areProbabilities(points.logits, model.classes),
    ...(await countIdleGradients(model, points, options)),
  };
}

/** Evaluations compared, and how far normalised outputs may lie apart: `check_randomized`. */
const EVALUATIONS = 5;
const SAME = 1e-4;

async function isRandomised(model: MeteredModel, points: AttackPoints, options: PredictOptions): Promise<boolean> {
  const outputs = [points.logits];
  while (outputs.length < EVALUATIONS)
    outputs.push(await logitsOf(model, points, options, [`check ${outputs.length}`]));
  const rows = points.images.map((_, row) => outputs.map((logits) => unitRow(logits, row, model.classes)));
  // An answer that is NaN is near no other.
  return rows.some((answers) => answers.some((one) => answers.some((other) => !(distanceOf(one, other) <= SAME))));
}

/** A row of logits, scaled to length 1 as the original does it; of [0, z], which that would leave a sign of, the probabilities. */
function unitRow(logits: Float32Array, row: number, classes: number): number[] {
  const values = [...logits.subarray(row * classes, (row + 1) * classes)];
  const [first, z = 0] = values;
  if (classes === 2 && first === 0) return [1 / (1 + Math.exp(z)), 1 / (1 + Math.exp(-z))];
  const length = Math.hypot(...values) + 1e-10;
  return values.map((value) => value / length);
}

function distanceOf(one: readonly number[], other: readonly number[]): number {
  return Math.hypot(...one.map((value, k) => value - other[k]!));
}

const PROBABILITY_SLACK = 1e-5;

/** `check_range_output`: every row in [0, 1] and summing to 1. */
export function areProbabilities(logits: Float32Array, classes: number): boolean {
  if (logits.length === 0) return false;
  if (!logits.every((value) => value > -PROBABILITY_SLACK && value < 1 + PROBABILITY_SLACK)) return false;
  for (let first = 0; first < logits.length; first += classes) {
    const sum = logits.subarray(first, first + classes).reduce((total, value) => total + value, 0);
    if (Math.abs(sum - 1) >= PROBABILITY_SLACK) return false;
  }
  return true;
}

/** Images whose gradient leads nowhere: zero, or NaN or infinite, which attacks take for zero. */
async function countIdleGradients(
  model: MeteredModel,
  { x, labels, images }: AttackPoints,
  { seed, batchSize }: PredictOptions,
): Promise<Pick<ModelChecks, 'zeroGradientImages' | 'nonFiniteGradientImages'>> {
  const size = model.imageSize;
  let [zero, nonFinite] = [0, 0];
  for (let first = 0; first < images.length; first += batchSize) {
    const last = Math.min(first + batchSize, images.length);
    const batch = { x: x.subarray(first * size, last * size), labels: labels.subarray(first, last) };
    const streams = images.slice(first, last).map((image) => keyedStream([seed, image, 'zero-gradient']));
    const { gradient } = await model.gradient('ce', batch, streams);
    for (let row = 0; row < last - first; row++) {
      const values = rowOf(gradient, row, size);
      if (!isFiniteRow(values)) nonFinite++;
      else if (values.every((value) => value === 0)) zero++;
    }
  }
  return { zeroGradientImages: zero, ...(nonFinite === 0 ? {} : { nonFiniteGradientImages: nonFinite }) };
}
