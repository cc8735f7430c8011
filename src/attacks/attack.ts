import type { RandomStream, StreamKey } from '../random/stream.ts';
import type { LossName } from './losses.ts';

/** Images are rows of a flat Float32Array: [n, C * H * W], values in [0, 1]. */

/** What an attack sees of the model: white box, one batch at a time, each row on its own. */
export interface AttackedModel {
  readonly classes: number;
  /** C * H * W. */
  readonly imageSize: number;
  /** True where two evaluations of one image may differ (randomised smoothing). */
  readonly randomised: boolean;
  /** Logits [n, classes]. A randomised model draws its noise for row i from `streams[i]`. */
  logits(x: Float32Array, streams: readonly RandomStream[]): Promise<Float32Array>;
  /** Value and gradient of a loss, and the logits, in one evaluation. */
  gradient(loss: LossName, batch: LossBatch, streams: readonly RandomStream[]): Promise<LossGradient>;
}

export interface LossBatch {
  /** [n, imageSize] */
  readonly x: Float32Array;
  /** [n] true classes */
  readonly labels: Int32Array;
  /** [n] classes aimed at, for targeted losses */
  readonly targets?: Int32Array;
}

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
  readonly labels: Int32Array;
  /** Index of each image in the data set: the part of a stream's key that makes it the image's own. */
  readonly images: readonly number[];
}

export interface ThreatModel {
  readonly norm: 'Linf' | 'L2' | 'L1';
  /** Radius of the ball, images in [0, 1]. */
  readonly epsilon: number;
}

export interface AttackContext {
  readonly model: AttackedModel;
  readonly threat: ThreatModel;
  /** Stream of one image for one restart of this attack: (seed, image, attack, ...key). */
  stream(image: number, ...key: StreamKey): RandomStream;
  /**
   * `first`: an image leaves the batch as soon as it is misclassified, which is fastest. `last`: it stays until the restart
   * ends and its last misclassified iterate is kept, as the original AutoAttack does; stronger examples for transfer.
   */
  readonly examples: 'first' | 'last';
  /** Called after every step with the number of images this attack has broken so far. */
  progress?(step: { broken: number; done: number; total: number }): void;
}

/**
 * What an attack found. Nobody trusts it: the protocol clips every candidate to the threat model and asks the model again.
 */
export interface Candidates {
  /** [n, imageSize]; a row the attack could not break is its clean image. */
  readonly x: Float32Array;
  /** [n] 1 where the attack saw the model misclassify the row. */
  readonly broken: Uint8Array;
}

export interface Attack {
  /** "apgd-ce", "apgd-t": how results name it. */
  readonly name: string;
  /** Model evaluations that an image costs which holds out to the end: weighs attacks against each other. */
  readonly cost: number;
  run(points: AttackPoints, context: AttackContext): Promise<Candidates>;
}
