import type { RandomSource, RandomStream, StreamKey } from '../../numeric/random.ts';
import type { Norm } from '../../schemas/attacks.ts';
import type { LossName } from './losses.ts';

/** Images are rows of a flat Float32Array: [n, C * H * W], values in [0, 1]. */

/** What an attack sees of the model: white box, one batch at a time, each row on its own. */
export interface AttackedModel {
  /** Classes it tells apart. */
  readonly classes: number;
  /** C * H * W. */
  readonly imageSize: number;
  /** [C, H, W] */
  readonly imageShape: readonly [number, number, number];
  /** True where two evaluations of one image may differ (randomised smoothing). */
  readonly randomised: boolean;
  /** Logits [n, classes]. A randomised model draws its noise for row i from `streams[i]`. */
  logits(x: Float32Array, streams: readonly RandomSource[]): Promise<Float32Array>;
  /** Value and gradient of a loss, and the logits, in one evaluation. */
  gradient(loss: LossName, batch: LossBatch, streams: readonly RandomSource[]): Promise<LossGradient>;
}

/** A batch of images and what a loss takes besides them. */
export interface LossBatch {
  /** [n, imageSize] */
  readonly x: Float32Array;
  /** [n] true classes */
  readonly labels: Int32Array;
  /** [n] classes aimed at, for losses that take a target */
  readonly targets?: Int32Array;
  /** [n, classes] probabilities to leave, for losses that take a reference */
  readonly references?: Float32Array;
  /** [n] weights, for losses that take one */
  readonly weights?: Float32Array;
}

/** A loss and its gradient; row i is about image i. */
export interface LossGradient {
  /** [n] loss of each image */
  readonly loss: Float32Array;
  /** [n, classes] */
  readonly logits: Float32Array;
  /** [n, imageSize] gradient of each image's loss with respect to the image */
  readonly gradient: Float32Array;
}

/** The images an attack is to break: all are classified correctly as they are. */
export interface AttackPoints {
  /** [n, imageSize] clean images */
  readonly x: Float32Array;
  /** [n] true classes */
  readonly labels: Int32Array;
  /** Index of each image in the data set: the part of a stream's key that makes it the image's own. */
  readonly images: readonly number[];
  /** [n, classes] what the model under evaluation said of the clean images. */
  readonly logits: Float32Array;
}

/** How far an adversarial example may be from its clean image; it stays within [0, 1] besides. */
export interface ThreatModel {
  /** What the distance is measured in, over all values of an image. */
  readonly norm: Norm;
  /** Radius of the ball, images in [0, 1]. */
  readonly epsilon: number;
}

/** What an attack works with. */
export interface AttackContext {
  /** The model the attack sees. */
  readonly model: AttackedModel;
  /** Where candidates are to lie. */
  readonly threat: ThreatModel;
  /** Stream of one image for one restart of this attack: (seed, image, attack, ...key). */
  stream(image: number, ...key: StreamKey): RandomStream;
  /**
   * `first`: an image leaves the batch as soon as it is misclassified, which is fastest. `last`: it stays until the restart
   * ends and its last misclassified iterate is kept, as the original AutoAttack does; stronger examples for transfer.
   */
  readonly examples: 'first' | 'last';
  /**
   * Where the attack is evaluated on another model, the target, than it sees: tells which of these candidates (rows of the
   * points, and [n, imageSize]) the target misclassifies. It is asked at the end of every round about the best point of
   * each image; what `model` misclassifies counts for nothing then.
   */
  isAdversarialOnTarget?(rows: readonly number[], x: Float32Array): Promise<readonly boolean[]>;
  /** Images evaluated at once; without a number, all of them. */
  readonly batchSize?: number;
  /** Called after every evaluation: images broken so far, and how far the attack is, 0 to 1. */
  progress?(step: { readonly broken: number; readonly fraction: number }): void;
  /** Called after every evaluation; `save` gives what `saved` takes. An attack waits for it. */
  checkpoint?(save: () => SavedAttack): Promise<void> | undefined;
  /** Where an earlier run of this attack on these points left off. */
  readonly saved?: SavedAttack;
}

declare const savedAttack: unique symbol;

/** Plain data (numbers, strings, typed arrays) that only the attack that saved it understands. */
export interface SavedAttack {
  /** Marks what `AttackContext.checkpoint` has saved; there is nothing to read in it. */
  readonly [savedAttack]: true;
}

/**
 * What an attack found. Nobody trusts it: the protocol clips every candidate to the threat model and evaluates it again.
 */
export interface Candidates {
  /** [n, imageSize]; a row the attack could not break is its clean image. */
  readonly x: Float32Array;
  /** [n] 1 where the attack saw the model misclassify the row. */
  readonly broken: Uint8Array;
  /** [n] 1 where it met a point within the threat model at which the model gives no prediction (NaN or infinite logits). */
  readonly unpredicted?: Uint8Array;
}

/** Images evaluated without a gradient, and with one. */
export interface AttackCost {
  /** Images whose logits are computed alone. */
  readonly forwards: number;
  /** Images whose gradient is computed, the logits with it. */
  readonly gradients: number;
}

/** Images evaluated in all, with or without a gradient. */
export function evaluationsIn(costs: readonly AttackCost[]): number {
  return costs.reduce((sum, { forwards, gradients }) => sum + forwards + gradients, 0);
}

/** An attack as the protocol runs it; `defineAttack` makes one of what it does to one image. */
export interface Attack {
  /** "apgd-ce", "apgd-t": how results name it. */
  readonly name: string;
  /** What an image costs that holds out to the end. */
  cost(classes: number): AttackCost;
  /** Throws ConfigError where the model has too few classes, or the attack lacks the norm. */
  run(points: AttackPoints, context: AttackContext): Promise<Candidates>;
}
