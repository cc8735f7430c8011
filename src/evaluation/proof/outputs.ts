import { ModelError } from '../../errors.ts';
import { ONE_OUTPUT } from '../../models/binary.ts';
import { rowOf } from '../../numeric/rows.ts';
import type { ModelProof } from '../../schemas/proof.ts';
import { areProbabilities } from '../model-checks.ts';
import { largestDifference } from './agreement.ts';

type Note = ModelProof['notes'][number];

/** Rows that differ by less, relative to their size, differ by rounding: the answer is the same. */
const SAME = 1e-6;
/** The smallest normal float32. */
const LEAST = 2 ** -126;

/** Throws ModelError where a model has one output: what sign it has is no logit a class. */
export function requireClasses(classes: number, name: string): void {
  if (classes > 1) return;
  throw new ModelError(`${name} has ${ONE_OUTPUT}`);
}

/**
 * What is odd about logits [n, classes] of different images. Throws ModelError where none are numbers, or all are the
 * same.
 */
export function inspectLogits(logits: Float32Array, classes: number, name: string): Note[] {
  const rows = Array.from({ length: logits.length / classes }, (_, row) => rowOf(logits, row, classes));
  const finite = rows.filter((row) => row.every(Number.isFinite));
  const [first] = finite;
  if (first === undefined)
    throw new ModelError(
      `${name} gives no number for any of ${rows.length} images: a weight or a normalisation is not finite, or what is said to be a probability is ` +
        'none; look at the model',
    );
  if (finite.length > 1 && areSame(finite, classes))
    throw new ModelError(
      `${name} gives ${finite.length} different images the same logits: its output does not depend on the image; look at the ` +
        'model, and at the scale its images are to have',
    );
  return [
    ...(classes === 2 && finite.every(isUnsquashed)
      ? [
          note(
            'probabilities',
            'all logits are [0, z] with z in [0, 1]: is the output a "probability" (binary) instead?',
          ),
        ]
      : []),
    ...(finite.length < rows.length
      ? [note('not-finite', `${rows.length - finite.length} of ${rows.length} images have logits that are no numbers`)]
      : []),
    ...(finite.every((row) => row.every(Number.isInteger))
      ? [
          note(
            'whole-numbers',
            'all outputs are whole numbers, votes or labels rather than logits: gradients are blind',
          ),
        ]
      : []),
  ];
}

/** [0, p] as of a probability that is said to be a logit: it would always say class 1. */
function isUnsquashed([first, z = 0]: Float32Array): boolean {
  return first === 0 && z >= 0 && z <= 1;
}

/** Of probabilities their logarithms are compared: a softmax that is sure of one class tells images apart by the others. */
function areSame(rows: readonly Float32Array[], classes: number): boolean {
  const sure = rows.every((row) => areProbabilities(row, classes));
  const [first = new Float32Array(), ...others] = sure
    ? rows.map((row) => row.map((value) => Math.log(Math.max(value, LEAST))))
    : rows;
  return others.every((row) => largestDifference(first, row, classes) < SAME);
}

/** What is odd about gradients [n, imageSize]. Throws ModelError where none is finite. */
export function inspectGradients(gradients: Float32Array, imageSize: number, name: string): Note[] {
  const rows = Array.from({ length: gradients.length / imageSize }, (_, row) => rowOf(gradients, row, imageSize));
  const broken = rows.filter((row) => !row.every(Number.isFinite)).length;
  const zero = rows.filter((row) => row.every((slope) => slope === 0)).length;
  if (broken === rows.length)
    throw new ModelError(
      `${name} has a gradient that is no number for each of ${rows.length} images: attacks by gradient would see nothing; ` +
        'look for a logarithm, root or division that the model never uses the result of',
    );
  return [
    ...(broken > 0 ? [note('gradient-not-finite', `${broken} of ${rows.length} gradients are no numbers`)] : []),
    ...(zero === rows.length ? [note('gradient-zero', `all ${zero} gradients are zero everywhere`)] : []),
  ];
}

function note(code: string, message: string): Note {
  return { code, message };
}
