import type {
  AttackContext,
  AttackedModel,
  AttackPoints,
  Candidates,
  ThreatModel,
} from '../../../src/attacks/core/attack.ts';
import { predictedClass } from '../../../src/attacks/core/predictions.ts';
import { keyedStream } from '../../../src/numeric/random.ts';
import type { Classifier, LinearClassifier } from '../../support/linear-model.ts';

/** A context whose streams are keyed by image, with seed 0. */
export function contextOf(
  model: AttackedModel,
  threat: ThreatModel,
  options: Partial<Omit<AttackContext, 'model' | 'threat'>> = {},
): AttackContext {
  return { model, threat, examples: 'first', stream: (image, ...key) => keyedStream([0, image, ...key]), ...options };
}

/** Points labelled as the classifier sees them. */
export function pointsOf(classifier: Classifier, images: readonly (readonly number[])[]): AttackPoints {
  const x = Float32Array.from(images.flat());
  const rows = images.map((_, row) => classifier.logits(Array.from(imageOf(x, row, classifier.imageSize))));
  const logits = Float32Array.from(rows.flat());
  const labels = rows.map((_, row) => predictedClass(logits, row, classifier.classes));
  return { x, labels: Int32Array.from(labels), images: images.map((_, row) => row), logits };
}

/** Random points well inside [0, 1]. */
export function interiorImages(seed: number, count: number, imageSize: number): number[][] {
  const stream = keyedStream(['interior images', seed]);
  return Array.from({ length: count }, () => Array.from({ length: imageSize }, () => 0.4 + 0.2 * stream.uniform()));
}

/** The points at these rows, as a batch of their own. */
export function selected(
  { x, labels, images, logits }: AttackPoints,
  rows: readonly number[],
  imageSize: number,
): AttackPoints {
  const classes = logits.length / images.length;
  return {
    logits: Float32Array.from(rows.flatMap((row) => Array.from(imageOf(logits, row, classes)))),
    x: Float32Array.from(rows.flatMap((row) => Array.from(imageOf(x, row, imageSize)))),
    labels: Int32Array.from(rows, (row) => labels[row]!),
    images: rows.map((row) => images[row]!),
  };
}

export function imageOf(x: Float32Array, row: number, imageSize: number): Float32Array {
  return x.subarray(row * imageSize, (row + 1) * imageSize);
}

export function brokenImages(points: AttackPoints, { broken }: Candidates): number[] {
  return points.images.filter((_, row) => broken[row] === 1);
}

const DUAL_NORMS = {
  Linf: (w: readonly number[]) => w.reduce((sum, value) => sum + Math.abs(value), 0),
  L2: (w: readonly number[]) => Math.hypot(...w),
  L1: (w: readonly number[]) => w.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
};

/**
 * Distance from a point to the linear classifier's nearest decision boundary in units of epsilon, [0, 1] left aside: the
 * least over the wrong classes c of (z_y - z_c) / (epsilon |w_y - w_c|*), the norm being the dual one. Below 1 it breaks.
 */
export function relativeMargin(
  classifier: LinearClassifier,
  x: readonly number[],
  norm: keyof typeof DUAL_NORMS,
  epsilon: number,
): number {
  const logits = classifier.logits(x);
  const best = Math.max(...logits);
  const label = logits.indexOf(best);
  const margins = logits.map((logit, c) => {
    if (c === label) return Number.POSITIVE_INFINITY;
    const direction = classifier.weights[label]!.map((weight, k) => weight - classifier.weights[c]![k]!);
    return (best - logit) / (epsilon * DUAL_NORMS[norm](direction));
  });
  return Math.min(...margins);
}
