import type { AttackPoints, SavedAttack } from '../attacks/core/attack.ts';
import { NO_PREDICTION, predictedClass } from '../attacks/core/predictions.ts';
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
  /** NO_PREDICTION where the model gives none. */
  readonly cleanPrediction: number;
  /** Attacks that broke it, in the order they ran. */
  readonly brokenBy: string[];
  /** What the model says of the first one's example. */
  adversarialPrediction: number | null;
  /** Attacks that met a point within the threat model at which the model gives no prediction; left out where there is none. */
  unpredicted?: readonly string[];
  /** The nearest example of all attacks' so far; states saved before 0.2 have none. */
  nearest?: NearestExample;
}

/** How near an adversarial example is to its image, in the threat's norm. */
export interface NearestExample {
  readonly distance: number;
  readonly attack: string;
}

/** Remembers an example that the model was seen to get wrong, where it is nearer than those before it. */
export function noteExample(state: ImageState, example: NearestExample): void {
  if (state.nearest === undefined || example.distance < state.nearest.distance) state.nearest = example;
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

/** Remembers that an attack met a point at which the model gives no prediction. */
export function noteUnpredicted(state: ImageState, attack: string): void {
  const { unpredicted = [] } = state;
  if (!unpredicted.includes(attack)) state.unpredicted = [...unpredicted, attack];
}

/** The images that the model gives no prediction on, as they are or where an attack looked. */
export function unpredictedImages(states: readonly ImageState[]): number[] {
  const isUnpredicted = ({ cleanPrediction, unpredicted }: ImageState) =>
    cleanPrediction === NO_PREDICTION || unpredicted !== undefined;
  return states.filter(isUnpredicted).map(({ image }) => image);
}

/** `each`: also which attacks broke it one by one, where they did not only see what others had left. */
export function outcomeOf(
  { image, label, cleanPrediction, brokenBy, adversarialPrediction, unpredicted }: ImageState,
  each: boolean,
): ImageOutcome {
  const [first = null] = brokenBy;
  return {
    image,
    label,
    cleanPrediction: cleanPrediction === NO_PREDICTION ? null : cleanPrediction,
    brokenBy: first,
    adversarialPrediction,
    ...(each ? { brokenByEach: [...brokenBy] } : {}),
    ...(unpredicted === undefined ? {} : { unpredicted: [...unpredicted] }),
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
