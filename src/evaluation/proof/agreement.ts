import { ModelError } from '../../errors.ts';
import { rowOf } from '../../numeric/rows.ts';

/** How far logits of one image by two ways may lie apart, relative to their size; float32 keeps it below 1e-5. */
const LOGITS_TOLERANCE = 1e-4;

/**
 * A model may magnify rounding: one that moves by s where its images move by their last bit moves by many times s through the
 * rounding of its layers. Up to so many times is its own doing, but never beyond what changes predictions.
 */
const ROUNDINGS = 64;
const MOST_ROUNDING = 1e-2;

/** The last bit of a float32. */
export const LAST_BIT = 2 ** -23;

/** Largest |a - b| of a row, relative to its largest entry; 0 where both rows hold what is no number. */
function rowDifference(a: Float32Array, b: Float32Array): number {
  const isNumber = [a, b].map((row) => row.every(Number.isFinite));
  if (!isNumber[0] && !isNumber[1]) return 0;
  if (!isNumber[0] || !isNumber[1]) return Number.POSITIVE_INFINITY;
  let [largest, size] = [0, 0];
  for (let k = 0; k < a.length; k++) {
    largest = Math.max(largest, Math.abs(a[k]! - b[k]!));
    size = Math.max(size, Math.abs(a[k]!), Math.abs(b[k]!));
  }
  return largest === 0 ? 0 : largest / size;
}

/** The largest relative difference between two sets of logits [n, classes], row by row. */
export function largestDifference(a: Float32Array, b: Float32Array, classes: number): number {
  const rows = Array.from({ length: a.length / classes }, (_, row) =>
    rowDifference(rowOf(a, row, classes), rowOf(b, row, classes)),
  );
  return Math.max(0, ...rows);
}

/** The images [n, imageSize] with the last bit of every value changed, up and down in turn. */
function withoutLastBit(x: Float32Array): Float32Array {
  return x.map((value, at) => value * (1 + (at % 2 === 0 ? LAST_BIT : -LAST_BIT)));
}

/** Two answers to one question. */
export interface AnswerPair {
  /** [n, classes] */
  readonly answers: readonly [Float32Array, Float32Array];
  readonly classes: number;
  /** [n, imageSize] what was asked. */
  readonly x: Float32Array;
  /** Answers to other images, in the first of the two ways. */
  readonly ask: (x: Float32Array) => Promise<Float32Array>;
  /** What to say where the answers differ, and by how much. */
  readonly problem: (difference: string) => string;
}

/** What a comparison found: `roundings` where the model magnifies rounding so much that it explains the difference. */
export interface Agreement {
  readonly difference: number;
  readonly illConditioned: boolean;
}

/** Throws ModelError where two answers differ by more than rounding does. */
export async function requireAgreement({ answers, classes, x, ask, problem }: AnswerPair): Promise<Agreement> {
  const [first, second] = answers;
  const difference = largestDifference(first, second, classes);
  if (difference <= LOGITS_TOLERANCE) return { difference, illConditioned: false };
  const rounding = ROUNDINGS * largestDifference(first, await ask(withoutLastBit(x)), classes);
  if (difference <= Math.min(rounding, MOST_ROUNDING)) return { difference, illConditioned: true };
  throw new ModelError(problem(inShort(difference)));
}

/** A relative difference as messages give it. */
export function inShort(difference: number): string {
  return Number.isFinite(difference) ? difference.toPrecision(2) : 'more than any number';
}
