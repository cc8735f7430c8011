import type { LossGradient } from '../attacks/core/attack.ts';
import type { LossName } from '../attacks/core/losses.ts';
import type { ImageShape } from '../models/classifier.ts';
import type { ReadingFact } from '../schemas/reading.ts';

/** A layer whose units can be ranked and masked. */
export interface LayerInfo {
  /** "layer4"; in an .onnx the path of a module, or the tensor's own name. */
  readonly name: string;
  /** How many units it has. */
  readonly units: number;
  /** Dimensions of one image's value: [D], [D, H, W], [H, W, D] or [T, D], where D are the units. */
  readonly dims: readonly number[];
  /** Which of `dims` the units are. */
  readonly axis: number;
}

/** Where the noise of a randomised model comes from, and how many images are computed at once. */
export interface LogitsOptions {
  /** Seed of a randomised model's noise; 0 by default. Another model does not look at it. */
  readonly seed?: number;
  /** Index of each image in its data set, which its noise is drawn by; 0, 1, 2, ... by default. */
  readonly indices?: ArrayLike<number>;
  /** Images computed at once; by default as many as the device is kept busy by, 64 on a CPU. */
  readonly batchSize?: number;
}

/** What a loss is to be differentiated at. */
export interface GradientQuery extends LogitsOptions {
  /** Images [N, C, H, W] in [0, 1], row-major. */
  readonly x: Float32Array;
  /** The class of each image, [N]. */
  readonly labels: ArrayLike<number>;
  /** Cross-entropy ("ce") by default; see `LossName`. */
  readonly loss?: LossName;
  /** [N] classes aimed at, for "dlr-targeted" and "difference". */
  readonly targets?: ArrayLike<number>;
  /** [N, classes] probabilities to leave, for "gama". */
  readonly references?: Float32Array;
  /** [N] what leaving them counts, for "gama". */
  readonly weights?: Float32Array;
}

/**
 * A classifier ready to compute: as it was trained, or defended. It computes in the thread that calls it, which waits while
 * the runtime does. Native memory is behind it: `release` it, or say `await using`.
 */
export interface OpenModel extends AsyncDisposable {
  /** For a reader: "CIFAR ResNet-18, width 8". */
  readonly architecture: string;
  /** Classes it tells apart. */
  readonly classes: number;
  /** [C, H, W] of the images it takes. */
  readonly imageShape: ImageShape;
  /** Layers that can be ranked and masked. */
  readonly layers: readonly LayerInfo[];
  /** What a reader should know of how it was read: prefixes stripped, half precision widened. */
  readonly notes: readonly string[];
  /** What the weights did not tell, how it was decided, and by whom. */
  readonly reading: readonly ReadingFact[];
  /** Whether two evaluations of an image may differ (randomised smoothing); its noise is that of a seed and an index. */
  readonly randomised: boolean;
  /**
   * Logits [N, classes] of images [N, C, H, W] in [0, 1]; however many are computed at once, they are the same up to the
   * rounding of float32. Rejects with InputError where lengths do not fit or the model was released.
   */
  logits(x: Float32Array, options?: LogitsOptions): Promise<Float32Array>;
  /**
   * Loss [N], logits [N, classes] and the gradient [N, C, H, W] of each image's loss with respect to the image. Rejects
   * with InputError where lengths do not fit, a label is no class, or a loss lacks what it takes; with GraphError where an
   * op of the model has no gradient rule.
   */
  gradient(query: GradientQuery): Promise<LossGradient>;
  /** Lets go of the native memory once what is in hand is done. More than once does no harm. */
  release(): Promise<void>;
  /** `release`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
