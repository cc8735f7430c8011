import type { AttackPoints, SavedAttack } from '../attacks/core/attack.ts';
import { predictedClass } from '../attacks/core/predictions.ts';
import { gatherRows } from '../numeric/rows.ts';
import type { AttackUsage, ImageOutcome, ModelChecks } from '../schemas/results.ts';

/** Images to evaluate: all of a shard, whatever the model makes of them. */
export interface EvaluationImages {
  /** [n, imageSize] in [0, 1] */
  readonly x: Float32Array;
  readonly labels: Int32Array;
  /** Indices in the data set. */
  readonly images: readonly number[];
}

/** An image's state while attacks run over it; plain data. */
export interface ImageState {
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
export function imageStates({ images, labels }: EvaluationImages, logits: Float32Array, classes: number): ImageState[] {
  return images.map((image, row) => ({
    row,
    image,
    label: labels[row]!,
    cleanPrediction: predictedClass(logits, row, classes),
    brokenBy: [],
    adversarialPrediction: null,
  }));
}

/** Whether it is classified correctly and none of `attacks` broke it. */
export function isRobustAgainst({ label, cleanPrediction, brokenBy }: ImageState, attacks: readonly string[]): boolean {
  return cleanPrediction === label && !brokenBy.some((attack) => attacks.includes(attack));
}

/** `each`: also which attacks broke it one by one, where they did not only see what others had left. */
export function outcomeOf(
  { image, label, cleanPrediction, brokenBy, adversarialPrediction }: ImageState,
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

/** The images in these states as an attack takes them; `logits` are of all images. */
export function attackPointsOf(
  { x }: EvaluationImages,
  imageStates: readonly ImageState[],
  logits: Float32Array,
  { imageSize, classes }: { readonly imageSize: number; readonly classes: number },
): AttackPoints {
  const rows = imageStates.map(({ row }) => row);
  return {
    x: gatherRows(x, rows, imageSize),
    labels: Int32Array.from(imageStates, ({ label }) => label),
    images: imageStates.map(({ image }) => image),
    logits: gatherRows(logits, rows, classes),
  };
}

/** An evaluation between two model evaluations: enough for another process to go on with it. */
export interface SavedEvaluation {
  readonly imageStates: readonly ImageState[];
  /** [broken, imageSize]: the examples of the broken images, in row order. */
  readonly examples: Float32Array;
  readonly checks: ModelChecks;
  /** Of the attacks that are done. */
  readonly usage: readonly AttackUsage[];
  /** Of the attack in hand, so far. */
  readonly current: { readonly usage: AttackUsage; readonly saved: SavedAttack } | null;
}

/** Keeps what an evaluation has so far where the next process finds it. */
export interface CheckpointStore {
  /** What an earlier process kept; undefined where there is nothing to go on from. */
  load(): Promise<SavedEvaluation | undefined>;
  /** Offered after every model evaluation; takes one now and then. */
  maybeSave(save: () => SavedEvaluation): Promise<void> | undefined;
}
