import type { ThreatModel } from '../attacks/core/attack.ts';
import { NO_PREDICTION } from '../attacks/core/predictions.ts';
import { InputError } from '../errors.ts';
import type { EvaluationImages } from '../evaluation/image-state.ts';
import { type Evaluation, evaluateImages, type ProtocolProgress } from '../evaluation/protocol.ts';
import type { ImageShape } from '../models/classifier.ts';
import type { AttackUsage, ModelChecks } from '../schemas/results.ts';
import {
  checkedThreat,
  classNumbers,
  describe,
  imageCount,
  imageIndices,
  knownOptions,
  requireShape,
  requireUnitRange,
  wholeNumber,
} from './arguments.ts';
import type { OpenModel } from './model.ts';
import { type RuntimeModel, runtimeModel } from './runtime-model.ts';
import type { StopSignal } from './stop-signal.ts';
import { stoppable } from './stoppable-model.ts';
import { type SuiteChoice, suiteEntries } from './suite-entries.ts';
import { Surrogates } from './surrogates.ts';

/** What to attack, with what. */
export interface AttackOptions extends SuiteChoice {
  /** Clean images [N, C, H, W] in [0, 1], row-major. */
  readonly images: Float32Array;
  /** [N] their classes. */
  readonly labels: ArrayLike<number>;
  /** [C, H, W] of the images, as `readImages` tells it; checked against the model's. */
  readonly imageShape?: ImageShape;
  /** As `readImages` gives them; not looked at. */
  readonly classNames?: readonly string[] | undefined;
  /** As `readImages` gives them; not looked at. */
  readonly notes?: readonly string[];
  /** How far an adversarial example may be from its clean image. */
  readonly threat: ThreatModel;
  /** Seed of all that is random; 0 by default. */
  readonly seed?: number;
  /** Index of each image in its data set: with the seed it names the image's random streams. 0, 1, 2, ... by default. */
  readonly indices?: ArrayLike<number>;
  /** Images attacked side by side; by default as many as the device is kept busy by, 64 on a CPU. Results do not depend on it. */
  readonly batchSize?: number;
  /** The example kept of an image: its `last` misclassified point (default, as AutoAttack) or the `first`, which is faster. */
  readonly examples?: 'first' | 'last';
  /** Called after every evaluation of the model. */
  readonly onProgress?: (progress: ProtocolProgress) => void;
  /** Stops between two evaluations of the model. */
  readonly signal?: StopSignal;
}

/** What became of the images; row i is about image i. */
export interface AttackResult {
  /** Images [N, C, H, W]: the adversarial example of a broken one, within the threat model; the clean image of any other. */
  readonly adversarial: Float32Array;
  /** [N] 1 where the clean image is classified correctly and no attack broke it. */
  readonly robust: Uint8Array;
  /** [N] name of the first attack that broke it; null where it was wrong from the start or stayed robust. */
  readonly brokenBy: readonly (string | null)[];
  /** [N] names of all attacks that broke it; several only with protocol "individual". */
  readonly brokenByEach: readonly (readonly string[])[];
  /** [N] class the model gives the clean image; -1 where its logits are NaN or infinite, which is wrong. */
  readonly cleanPredictions: Int32Array;
  /** [N] class the model gives `adversarial`. */
  readonly adversarialPredictions: Int32Array;
  /**
   * [N] 1 where the model gives no prediction (NaN or infinite logits), on the clean image or at a point that an attack tried:
   * no such point is an adversarial example, so an image may be robust for that alone.
   */
  readonly unpredicted: Uint8Array;
  /** Share of clean images classified correctly, 0 to 1. */
  readonly cleanAccuracy: number;
  /** Share of images that are robust, 0 to 1. */
  readonly robustAccuracy: number;
  /** What each attack took, in the order they ran. */
  readonly usage: readonly AttackUsage[];
  /** What may make the robust accuracy worthless, measured before any attack. */
  readonly checks: ModelChecks;
}

const OPTIONS = [
  ...['images', 'labels', 'threat', 'attack', 'suite', 'protocol', 'seed', 'indices', 'batchSize', 'examples'],
  ...['imageShape', 'classNames', 'notes', 'onProgress', 'signal'],
];

/**
 * Attacks images by AutoAttack's protocol (arXiv:2003.01690, section 5): attacks run in order, each on the images still
 * robust. An attack's own word counts for nothing: every candidate is clipped to the threat model and classified again. The
 * same seed and indices give the same results, whatever the batch size. It computes in the thread that calls it; `evaluate`
 * has workers.
 *
 * Rejects with InputError (ConfigError for attacks) where an option does not fit, with ModelError where the model is not what it seems on a few images (it mixes a batch, say), with GraphError where an op of the model
 * has no gradient rule, with RunError where the model gives no prediction on more than three images, and with the signal's reason where it is stopped; the model stays open.
 *
 * @example
 * ```js
 * const { robustAccuracy } = await attack(model, {
 *   images, labels, threat: { norm: 'Linf', epsilon: 8 / 255 }, suite: 'standard',
 * });
 * ```
 */
export async function attack(model: OpenModel, options: AttackOptions): Promise<AttackResult> {
  knownOptions(options, OPTIONS, 'attack');
  const own = runtimeModel(model);
  const images = imagesOf(own, options);
  const threat = checkedThreat(options.threat);
  const { seed = 0, batchSize = own.batchSize, examples = 'last', onProgress, signal } = options;
  wholeNumber(seed, 'seed');
  wholeNumber(batchSize, 'batchSize', 1);
  if (examples !== 'first' && examples !== 'last')
    throw new InputError(`examples is ${describe(examples)}: give "first" or "last"`);
  const surrogates = new Surrogates(own, signal);
  const suite = suiteEntries(options, threat, surrogates);
  signal?.throwIfAborted();
  return own.use(async (onnx) => {
    const common = { suite, threat, seed, batchSize, examples, ...(onProgress && { progress: onProgress }) };
    try {
      await own.prove(images.x, images.labels.length);
      return resultOf(await evaluateImages(stoppable(onnx, signal), images, common));
    } finally {
      await surrogates.release();
    }
  });
}

function imagesOf({ imageShape, classes }: RuntimeModel, options: AttackOptions): EvaluationImages {
  const { images: x, labels, indices } = options;
  requireShape(options.imageShape, imageShape);
  const count = imageCount(x, imageShape);
  if (count === 0) throw new InputError('images are none: give at least one');
  requireUnitRange(x);
  return { x, labels: classNumbers(labels, count, classes), images: imageIndices(indices, count) };
}

function resultOf({ outcomes, adversarial, usage, checks }: Evaluation): AttackResult {
  const isCorrect = outcomes.map(({ cleanPrediction, label }) => cleanPrediction === label);
  const robust = Uint8Array.from(outcomes, ({ brokenBy }, row) => Number(isCorrect[row] === true && brokenBy === null));
  return {
    adversarial,
    robust,
    brokenBy: outcomes.map(({ brokenBy }) => brokenBy),
    brokenByEach: outcomes.map(({ brokenBy, brokenByEach }) => brokenByEach ?? (brokenBy === null ? [] : [brokenBy])),
    cleanPredictions: Int32Array.from(outcomes, ({ cleanPrediction }) => cleanPrediction ?? NO_PREDICTION),
    adversarialPredictions: Int32Array.from(
      outcomes,
      ({ adversarialPrediction, cleanPrediction }) => adversarialPrediction ?? cleanPrediction ?? NO_PREDICTION,
    ),
    unpredicted: Uint8Array.from(outcomes, ({ cleanPrediction, unpredicted }) =>
      Number(cleanPrediction === null || unpredicted !== undefined),
    ),
    cleanAccuracy: isCorrect.filter(Boolean).length / outcomes.length,
    robustAccuracy: robust.reduce((sum, one) => sum + one, 0) / outcomes.length,
    usage,
    checks,
  };
}
