import type { AttackPoints } from '../attacks/attack.ts';
import { predictedClass } from '../attacks/predictions.ts';
import type { ImageOutcome } from '../contracts/results.ts';

/** Images to evaluate: all of a shard, whatever the model makes of them. */
export interface EvaluationImages {
  /** [n, imageSize] in [0, 1] */
  readonly x: Float32Array;
  readonly labels: Int32Array;
  /** Indices in the data set. */
  readonly images: readonly number[];
}

/** An image's state while attacks run over it; plain data. */
export interface Standing {
  readonly row: number;
  readonly image: number;
  readonly label: number;
  readonly cleanPrediction: number;
  /** Attacks that broke it, in the order they ran. */
  readonly brokenBy: string[];
  /** What the model says of the first one's example. */
  adversarialPrediction: number | null;
}

/** Every image before any attack; `logits` [n, classes] are those of the clean images. */
export function standingsOf({ images, labels }: EvaluationImages, logits: Float32Array, classes: number): Standing[] {
  return images.map((image, row) => ({
    row,
    image,
    label: labels[row] ?? -1,
    cleanPrediction: predictedClass(logits, row, classes),
    brokenBy: [],
    adversarialPrediction: null,
  }));
}

/** Whether it is classified correctly and none of `attacks` broke it. */
export function standsAgainst({ label, cleanPrediction, brokenBy }: Standing, attacks: readonly string[]): boolean {
  return cleanPrediction === label && !brokenBy.some((attack) => attacks.includes(attack));
}

/** `each`: also which attacks broke it one by one, where they did not only see what others had left. */
export function outcomeOf(
  { image, label, cleanPrediction, brokenBy, adversarialPrediction }: Standing,
  each: boolean,
): ImageOutcome {
  const [first = null] = brokenBy;
  return {
    image,
    label,
    cleanPrediction,
    brokenBy: first,
    adversarialPrediction,
    ...(each ? { brokenByEach: [...brokenBy] } : {}),
  };
}

/** The images of these standings as an attack wants them; `logits` are of all images. */
export function pointsOf(
  { x }: EvaluationImages,
  standings: readonly Standing[],
  logits: Float32Array,
  { imageSize, classes }: { readonly imageSize: number; readonly classes: number },
): AttackPoints {
  const rows = standings.map(({ row }) => row);
  return {
    x: gather(x, rows, imageSize),
    labels: Int32Array.from(standings, ({ label }) => label),
    images: standings.map(({ image }) => image),
    logits: gather(logits, rows, classes),
  };
}

export function gather(values: Float32Array, rows: readonly number[], size: number): Float32Array {
  const gathered = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) gathered.set(values.subarray(row * size, (row + 1) * size), i * size);
  return gathered;
}
