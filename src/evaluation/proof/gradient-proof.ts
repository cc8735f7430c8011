import type { LossGradient } from '../../attacks/core/attack.ts';
import { GraphError, ModelError } from '../../errors.ts';
import { keyedStream } from '../../numeric/random.ts';
import { rowOf } from '../../numeric/rows.ts';
import { inShort } from './agreement.ts';
import { centralDifferences, FIRST_STEP } from './central-differences.ts';
import { inspectGradients } from './outputs.ts';
import { type ProofCase, streamsFor } from './proof-case.ts';

/** Random directions for each image. */
const DIRECTIONS = 3;

/**
 * Gradients are compared by medians: a ReLU that rounding turns makes another gradient of one image. Among neighbours right
 * ones differ by less than 1e-3 (docs/fidelity.md, defended models), from central differences by .023 at most on 40 models
 * tried. Wrong rules and mixed batches are off by .1 and more.
 */
const TOLERANCE = { neighbours: 1e-2, differences: 5e-2 };

/** Of the directions tried, this share must be decisive for a verdict. */
const DECISIVE_SHARE = 1 / 2;

/**
 * The gradient of the cross-entropy: finite, of one image alone, and that of the loss. Labels are the runners-up, whose loss is
 * nowhere flat. Throws ModelError.
 */
export async function proveGradient(proof: ProofCase): Promise<void> {
  const labels = runnersUp(proof.logits, proof.model.classes);
  const answer = await gradientOf(proof, labels);
  if (answer === undefined) return;
  await proof.requireSameLogits(
    'gradient session',
    answer.logits,
    (difference) =>
      `${proof.name}: its logits with a gradient and without differ by ${difference} of their size: the runtime computes another ` +
      'function in one of them; export the model by another exporter or opset',
  );
  for (const { code, message } of inspectGradients(answer.gradient, proof.model.imageSize, proof.name))
    proof.note(code, message);
  await proveOwnGradients(proof, labels, answer.gradient);
  if (!proof.model.hasOwnGradient) await proveSlopes(proof, labels, answer.gradient);
}

/** Undefined where an op has no rule: nothing that follows can use a gradient either. */
async function gradientOf(proof: ProofCase, labels: Int32Array): Promise<LossGradient | undefined> {
  try {
    return await proof.model.gradient('ce', { x: proof.x, labels }, streamsFor(proof.images));
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    proof.note('no-gradient', error.message);
    return undefined;
  }
}

async function proveOwnGradients(proof: ProofCase, labels: Int32Array, together: Float32Array): Promise<void> {
  const { model, name } = proof;
  const alone = await proof.eachAlone(async (x, streams, image) => {
    const batch = { x, labels: labels.subarray(image, image + 1) };
    return (await model.gradient('ce', batch, streams)).gradient;
  });
  const errors = alone.map((own, row) => relativeError(own, rowOf(together, row, model.imageSize)));
  const difference = median(errors.filter(Number.isFinite));
  proof.found('gradient among neighbours', difference);
  if (difference <= TOLERANCE.neighbours) return;
  throw new ModelError(
    `${name} mixes the images of a batch: the gradient of an image alone and among others differs by ${inShort(difference)} of its ` +
      `norm in the median of ${errors.length} images; export it without operations along the first axis`,
  );
}

async function proveSlopes(proof: ProofCase, labels: Int32Array, gradient: Float32Array): Promise<void> {
  const { classes, imageSize } = proof.model;
  const { errors, tried } = await centralDifferences({
    ...{ x: proof.x, labels, logits: proof.logits, gradient, imageSize, classes, directions: DIRECTIONS },
    ask: (x) => proof.ask(x),
    random: keyedStream(['proof', 'directions']),
  });
  if (errors.length < DECISIVE_SHARE * tried) {
    const message = `only ${errors.length} of ${tried} directions are smooth enough to compare the gradient with differences of the loss`;
    return proof.note('gradient-not-compared', message);
  }
  const difference = median(errors);
  if (difference > TOLERANCE.differences && !(await isSteady(proof, labels, gradient))) {
    const message =
      'the gradient turns within a step of the differences that it would be compared with: the model is too rough for it';
    return proof.note('gradient-not-compared', message);
  }
  proof.found('central differences', difference);
  if (difference <= TOLERANCE.differences) return;
  throw new ModelError(
    `${proof.name}: its gradient and central differences of its loss differ by ${inShort(difference)} of its norm in the median of ` +
      `${errors.length} directions: the rule of an op's gradient is wrong; the library's checkGradient names the node`,
  );
}

/**
 * Whether the gradient itself, right or wrong, says the same at both ends of a step as in its middle. In deep networks with
 * untrained weights it does not (shattered gradients, arXiv:1702.08591), and differences over a step are no verdict on a rule.
 */
async function isSteady(proof: ProofCase, labels: Int32Array, gradient: Float32Array): Promise<boolean> {
  const { model, x, images } = proof;
  const random = keyedStream(['proof', 'steadiness']);
  const direction = x.map(() => (random.uniform() < 0.5 ? -1 : 1));
  const streams = () => streamsFor(images);
  const at = async (step: number) => {
    const ahead = x.map((value, i) => value + step * direction[i]!);
    return (await model.gradient('ce', { x: ahead, labels }, streams())).gradient;
  };
  const ends = [await at(FIRST_STEP), await at(-FIRST_STEP)];
  const changes = images.flatMap((row) => {
    const [own, along] = [rowOf(gradient, row, model.imageSize), rowOf(direction, row, model.imageSize)];
    const slope = dot(own, along);
    const scale = Math.max(normOf(own), Math.abs(slope));
    return scale === 0 ? [] : ends.map((end) => Math.abs(dot(rowOf(end, row, model.imageSize), along) - slope) / scale);
  });
  return median(changes) <= TOLERANCE.differences;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

/** The class of each row with the second largest logit. */
function runnersUp(logits: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => {
    const order = [...rowOf(logits, row, classes).entries()].sort(([, a], [, b]) => b - a);
    return order[1]?.[0] ?? 0;
  });
}

/** Norm of the difference over the larger norm; 0 of two zeros. */
function relativeError(a: Float32Array, b: Float32Array): number {
  const difference = normOf(a.map((value, at) => value - b[at]!));
  return difference === 0 ? 0 : difference / Math.max(normOf(a), normOf(b));
}

function normOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
