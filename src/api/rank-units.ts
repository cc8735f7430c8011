import { type Dataset, datasetOf } from '../datasets/dataset.ts';
import { InputError } from '../errors.ts';
import { proveClassifier } from '../evaluation/proof/prove-model.ts';
import { type ImageShape, layerOf, type MaskLayer } from '../models/classifier.ts';
import { diagnose, type RankingDiagnostics } from '../ranking/diagnostics.ts';
import { type RankingTask, unitScores } from '../ranking/methods.ts';
import { RANKING_METHODS, type RankingMethod, rankingUses } from '../schemas/variants.ts';
import {
  classNumbers,
  describe,
  imageCount,
  knownOptions,
  requireShape,
  requireUnitRange,
  wholeNumber,
} from './arguments.ts';
import { type ClipOptions, clipFeatures } from './clip-features.ts';
import type { OpenModel } from './model.ts';
import { type RuntimeModel, runtimeModel } from './runtime-model.ts';
import type { StopSignal } from './stop-signal.ts';

/** What is ranked, by which method, on which images. */
export interface RankUnitsOptions {
  /** Name of the layer whose units are ranked, see `OpenModel.layers`. */
  readonly layer: string;
  /**
   * `loir`: leave-one-out importance, the mean change of the label's logit where the unit is left out; `cdir`: how much the
   * unit is active on images that CLIP finds like the class's name; `random`: the control, by chance.
   */
  readonly method: RankingMethod;
  /** Probe images [N, C, H, W] in [0, 1]; not for `random`. Use images the model was trained on, not those of the test. */
  readonly images?: Float32Array;
  /** [N] classes of the probe images. */
  readonly labels?: ArrayLike<number>;
  /** [C, H, W] of the images, as `readImages` tells it; checked against the model's. */
  readonly imageShape?: ImageShape;
  /** As `readImages` gives them; not looked at. */
  readonly indices?: readonly number[];
  /** As `readImages` gives them; not looked at: cdir takes those of `clip`. */
  readonly classNames?: readonly string[] | undefined;
  /** As `readImages` gives them; not looked at. */
  readonly notes?: readonly string[];
  /** loir: the mean change with its sign (the paper's Eq. 5) instead of its size (the public code). */
  readonly signed?: boolean;
  /** cdir: the CLIP to compare with. */
  readonly clip?: ClipOptions;
  /** random: seed of the order; 0 by default. */
  readonly seed?: number;
  /** Units a class is to keep, which the diagnostics look at; an eighth of the layer by default. */
  readonly importantUnits?: number;
  /** Images computed at once; by default as many as the device is kept busy by, 64 on a CPU. */
  readonly batchSize?: number;
  /** Called after every batch. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops between two batches. */
  readonly signal?: StopSignal;
}

/** How important every unit of a layer is for every class. */
export interface Ranking {
  /** [units, classes] row-major; higher is more important. */
  readonly scores: Float32Array;
  /** Units of the layer. */
  readonly units: number;
  /** Classes of the model. */
  readonly classes: number;
  /** Name of the layer. */
  readonly layer: string;
  /** How the units were ranked. */
  readonly method: RankingMethod;
  /** What is to be said of it before an image is attacked; look at `degenerate`. */
  readonly diagnostics: RankingDiagnostics;
}

const OPTIONS = [
  ...['layer', 'method', 'images', 'labels', 'signed', 'clip', 'seed', 'importantUnits', 'batchSize'],
  ...['imageShape', 'indices', 'classNames', 'notes', 'onProgress', 'signal'],
];

/**
 * Ranks the units of a layer by their importance for each class (IG-Defense, arXiv:2409.15190, section 3), on the model
 * without its defence where it has one. Rejects with ConfigError where there is no such layer, with InputError where an
 * option does not fit, with ModelError where the model mixes a batch or has no logits on a few images, with RunError where activations or logits of an image are NaN or infinite, and with the signal's reason where it is stopped. A ranking without class information is returned
 * all the same: its diagnostics say so.
 */
export async function rankUnits(model: OpenModel, options: RankUnitsOptions): Promise<Ranking> {
  knownOptions(options, OPTIONS, 'rankUnits');
  const own = runtimeModel(model);
  const { classifier } = own.parts;
  const layer = layerOf(classifier, options.layer);
  const { method, importantUnits = Math.max(1, Math.floor(layer.units / 8)) } = options;
  if (!RANKING_METHODS.includes(method))
    throw new InputError(`method is ${describe(method)}: give one of ${RANKING_METHODS.join(', ')}`);
  if (wholeNumber(importantUnits, 'importantUnits', 1) > layer.units)
    throw new InputError(`importantUnits is ${importantUnits}, but ${layer.name} has only ${layer.units} units`);
  requireFitting(options);
  options.signal?.throwIfAborted();
  const { units, classes, data } = await own.use(async () => {
    const task = taskOf(own, layer, options);
    const { probe, runtime } = task;
    const proof = { name: own.architecture, data: probe, gradients: false, evaluations: probe?.count ?? 0 };
    if (probe !== undefined) await proveClassifier(classifier, runtime, proof);
    return unitScores(method, task);
  });
  const diagnostics = diagnose({ units, classes, data }, importantUnits);
  return { scores: data, units, classes, layer: layer.name, method, diagnostics };
}

function taskOf(model: RuntimeModel, layer: MaskLayer, options: RankUnitsOptions): RankingTask {
  const { classifier, runtime } = model.parts;
  const { method, signed = false, seed = 0, clip } = options;
  const probe = rankingUses(method, 'probe') ? probeOf(model, options) : undefined;
  const pass = passOf(model, options);
  return {
    ...{ classifier, layer, probe, signed, runtime, ...pass },
    seed: wholeNumber(seed, 'seed'),
    clip: probe && ((embedded) => clipFeatures(classifier.classes, probe, clip, { runtime, progress: embedded })),
  };
}

/** Options that say something to some methods alone. */
const OWN_OPTIONS = ['signed', 'clip', 'seed'] as const;

function requireFitting({ method, ...options }: RankUnitsOptions): void {
  const idle = OWN_OPTIONS.find((name) => options[name] !== undefined && !rankingUses(method, name));
  if (idle === undefined) return;
  const others = RANKING_METHODS.filter((other) => rankingUses(other, idle)).join(', ');
  throw new InputError(`"${idle}" is for method "${others}", not for "${method}": leave it out`);
}

function probeOf({ parts: { classifier } }: RuntimeModel, { images, labels, ...options }: RankUnitsOptions): Dataset {
  const { imageShape, classes } = classifier;
  requireShape(options.imageShape, imageShape);
  const count = imageCount(images, imageShape);
  if (images === undefined || count === 0) throw new InputError('images are none: give images to rank the units on');
  requireUnitRange(images);
  const facts = { imageShape, classes, labels: classNumbers(labels, count, classes) };
  return datasetOf({ ...facts, pixels: images }, undefined, 'images');
}

function passOf(model: RuntimeModel, { batchSize = model.batchSize, onProgress, signal }: RankUnitsOptions) {
  const progress = (done: number, total: number) => {
    onProgress?.(done, total);
    signal?.throwIfAborted();
  };
  return { batchSize: wholeNumber(batchSize, 'batchSize', 1), progress };
}
