import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { NO_PREDICTION } from '../../attacks/core/predictions.ts';
import { requireFewUnpredicted } from '../../attacks/core/unpredicted.ts';
import { batchesOf, type Dataset } from '../../datasets/dataset.ts';
import { requireModelClasses } from '../../datasets/model-classes.ts';
import { openDataset } from '../../datasets/open.ts';
import { baseModel, defendedModel, type EvaluatedModel, type Smoothing } from '../../defense/defended-model.ts';
import { type Scores, topUnitMasks } from '../../defense/mask-set.ts';
import { InputError, messageOf, RankingError } from '../../errors.ts';
import { OnnxModel } from '../../evaluation/onnx-model.ts';
import { predictedClasses } from '../../evaluation/predict.ts';
import { proveModel } from '../../evaluation/proof/prove-model.ts';
import { type Classifier, layerOf, type MaskLayer, tellingAxis } from '../../models/classifier.ts';
import { isFiniteRow } from '../../numeric/float32.ts';
import { decodeNpy, encodeNpy } from '../../numeric/npy.ts';
import { keyedStream, type RandomSource } from '../../numeric/random.ts';
import { imagesText } from '../../numeric/ranges.ts';
import { rowOf } from '../../numeric/rows.ts';
import { float32 } from '../../numeric/tensor.ts';
import { readRanking } from '../../runs/inputs/ig-defense-format.ts';
import { checkpointDigest } from '../../runs/inputs/inspect-inputs.ts';
import { type ClassifierSpec, openClassifier } from '../../runs/inputs/open-classifier.ts';
import { requireRankingOf } from '../../runs/inputs/ranked-model.ts';
import { onnxRuntime } from '../../runtime/session.ts';
import { localPath } from '../../stores/open.ts';
import { sayAssumed } from '../assumptions.ts';
import {
  addDataOptions,
  addLayerAxis,
  addModelOptions,
  cores,
  type DataFlags,
  dataSpec,
  finiteNumber,
  layerFlags,
  localData,
  type ModelFlags,
  modelOptions,
  positiveInteger,
  seedNumber,
} from '../options.ts';
import { print, writeOutput } from '../storage-location.ts';

interface PredictFlags extends ModelFlags, DataFlags {
  readonly first?: number;
  readonly ranking?: string;
  readonly layer?: string;
  readonly layerAxis?: number;
  readonly mask?: 'loir' | 'conf';
  readonly units?: number;
  readonly threshold: number;
  readonly temperature: number;
  readonly sigma?: number;
  readonly samples: number;
  readonly noise?: string;
  readonly seed: number;
  readonly batchSize: number;
  readonly logits?: string;
  readonly gradient?: string;
}

export function define(command: Command): void {
  command
    .argument('<checkpoint>')
    .option('--first <n>', 'the first n images (default: all)', positiveInteger)
    .option('--ranking <path>', 'defend the model with this ranking: a ranking file or a folder of unit<j>.npy')
    .option('--layer <name>', 'the layer the ranking is of')
    .addOption(new Option('--mask <mask>', 'kind of defence (default: loir)').choices(['loir', 'conf']))
    .option('--units <k>', 'units each class keeps', positiveInteger)
    .option('--threshold <t>', 'confidence from which --mask conf fades in', finiteNumber, 0.8)
    .option('--temperature <tau>', "temperature of the pseudo-label's softmax", finiteNumber, 0.01)
    .option('--sigma <s>', 'randomised smoothing of the first pass: standard deviation of the noise', finiteNumber)
    .option('--samples <n>', 'noise samples averaged', positiveInteger, 1)
    .option('--noise <file>', 'smooth with this noise instead, .npy [N, samples, C, H, W]')
    .option('--seed <n>', 'seed of the noise', seedNumber, 0)
    .option('--batch-size <n>', 'images at a time', positiveInteger, 64)
    .option('--logits <file>', 'write the logits, .npy [N, C]')
    .option(
      '--gradient <file>',
      'write the gradient of the per-image cross-entropy with respect to the image, .npy [N, C, H, W]',
    );
  addLayerAxis(addModelOptions(addDataOptions(command))).action(predict);
}

async function predict(checkpoint: string, given: PredictFlags): Promise<void> {
  const flags = await localFlags(given);
  const path = await localPath(checkpoint);
  const spec = dataSpec(flags, 'test', flags.first);
  const data = await openDataset(spec);
  const noise = flags.noise === undefined ? undefined : await readNoise(flags.noise, data.count, data.imageShape);
  const classifierSpec = { path, ...layerFlags(flags), imageShape: data.imageShape, ...modelOptions(flags) };
  const classifier = await openClassifier(classifierSpec);
  requireModelClasses(data, classifier.classes, { format: spec.format, where: flags.labels ?? flags.data });
  const model = new OnnxModel(
    await evaluated(classifier, classifierSpec, flags, noise?.samples),
    data.imageShape,
    classifier.classes,
    onnxRuntime({ threads: cores() }),
  );
  const proof = { name: basename(path), data, gradients: flags.gradient !== undefined, evaluations: data.count };
  const { logits, gradient } = await proveModel(model, proof)
    .then(() => outputsOf(model, data, flags, noise))
    .finally(() => model.release());
  if (flags.logits !== undefined)
    await writeOutput(flags.logits, encodeNpy(float32([data.count, classifier.classes], logits)));
  if (flags.gradient !== undefined)
    await writeOutput(flags.gradient, encodeNpy(float32([data.count, ...data.imageShape], gradient)));
  printAccuracy(data.labels, predictedClasses(logits, classifier.classes));
  sayAssumed(classifier.reading);
  if (gradient !== undefined) printIdleGradients(gradient, model.imageSize);
}

/** Logits [N, classes] and, where they are asked for, gradients [N, imageSize] of all images. */
async function outputsOf(model: OnnxModel, data: Dataset, flags: PredictFlags, noise: Noise | undefined) {
  const logits = new Float32Array(data.count * model.classes);
  const gradient = flags.gradient === undefined ? undefined : new Float32Array(data.count * model.imageSize);
  for await (const { first, count, x, labels } of batchesOf(data, flags.batchSize)) {
    const streams = Array.from(
      { length: count },
      (_, i) => noise?.stream(first + i) ?? keyedStream([flags.seed, first + i, 'clean']),
    );
    const outputs =
      gradient === undefined
        ? { logits: await model.logits(x, streams) }
        : await model.gradient('ce', { x, labels }, streams);
    logits.set(outputs.logits, first * model.classes);
    if ('gradient' in outputs) gradient?.set(outputs.gradient, first * model.imageSize);
  }
  return { logits, gradient };
}

/** Throws RunError where there is no prediction of more than a few images; of fewer it says which. */
function printAccuracy(labels: Int32Array, predictions: Int32Array): void {
  const unpredicted = [...predictions.keys()].filter((image) => predictions[image] === NO_PREDICTION);
  requireFewUnpredicted(unpredicted);
  const right = labels.filter((label, image) => predictions[image] === label).length;
  print(`${right} of ${labels.length} images right (${((100 * right) / labels.length).toFixed(1)}%)`);
  if (unpredicted.length > 0)
    print(`  note: no prediction, which is wrong, on ${imagesText(unpredicted)}: logits are NaN or infinite`);
}

function printIdleGradients(gradient: Float32Array, size: number): void {
  const rows = Array.from({ length: gradient.length / size }, (_, image) => image);
  const odd = rows.filter((image) => !isFiniteRow(rowOf(gradient, image, size)));
  if (odd.length > 0) print(`  note: the gradient of ${imagesText(odd)} is NaN or infinite`);
}

async function localFlags(given: PredictFlags): Promise<PredictFlags> {
  const { ranking, noise, ...flags } = await localData(given);
  return {
    ...flags,
    ...(ranking === undefined ? {} : { ranking: await localPath(ranking) }),
    ...(noise === undefined ? {} : { noise: await localPath(noise) }),
  };
}

/** What says nothing about a model without a defence. */
const DEFENCE_FLAGS = ['mask', 'layer', 'units', 'sigma', 'noise'] as const;

/** The model the flags describe: the classifier as it is without a ranking. */
async function evaluated(
  classifier: Classifier,
  spec: ClassifierSpec,
  flags: PredictFlags,
  noiseSamples: number | undefined,
): Promise<EvaluatedModel> {
  if (flags.ranking === undefined) {
    const idle = DEFENCE_FLAGS.find((name) => flags[name] !== undefined);
    if (idle !== undefined) throw new InputError(`--${idle} needs --ranking: without one the model is not defended`);
    return baseModel(classifier);
  }
  if (flags.layer === undefined || flags.units === undefined)
    throw new InputError('--ranking needs --layer and --units');
  const layer = layerOf(classifier, flags.layer);
  const scores = await scoresFrom({ path: flags.ranking, mask: flags.mask }, classifier, layer, spec);
  const variant =
    flags.mask !== 'conf'
      ? ({ id: 'loir', mask: { kind: 'top-k' } } as const)
      : ({ id: `conf@${flags.threshold}`, mask: { kind: 'confidence', threshold: flags.threshold } } as const);
  if (!(flags.threshold >= 0 && flags.threshold < 1)) throw new InputError('--threshold must be in [0, 1)');
  if (!(flags.temperature > 0)) throw new InputError('--temperature must be positive');
  return defendedModel(classifier, variant, {
    layer,
    masks: topUnitMasks(scores, flags.units),
    temperature: flags.temperature,
    smoothing: smoothingOf(flags, noiseSamples),
  });
}

/** The scores of a ranking that was made of this layer of this model, read in this way, where its file says of which. */
async function scoresFrom(
  { path, mask }: { readonly path: string; readonly mask: PredictFlags['mask'] },
  { classes, reading }: Classifier,
  layer: MaskLayer,
  spec: ClassifierSpec,
): Promise<Scores> {
  const { recipe, scores } = await readRanking(path);
  if (mask !== undefined && recipe !== undefined && recipe.method !== 'loir') {
    throw new RankingError(
      `${path} holds a ${recipe.method} ranking, --mask ${mask} is of LO-IR's: leave --mask out to keep its top units`,
    );
  }
  const odd = scores.data.find((score) => !Number.isFinite(score));
  if (odd !== undefined) throw new RankingError(`${path} holds the score ${odd}, no number: rank again`);
  if (scores.units !== layer.units || scores.classes !== classes) {
    throw new InputError(
      `${path} ranks ${scores.units} units for ${scores.classes} classes; ${layer.name} has ${layer.units}, the model ${classes}`,
    );
  }
  if (recipe === undefined) return scores;
  const ranked = { name: layer.name, ...tellingAxis(layer) };
  await requireRankingOf({ spec, sha256: await checkpointDigest(spec.path), layer: ranked, reading }, recipe, path);
  return scores;
}

/** Given noise is added as it is: its own standard deviation is in it. */
function smoothingOf({ sigma, samples }: PredictFlags, noiseSamples: number | undefined): Smoothing | null {
  if (noiseSamples !== undefined) return { samples: noiseSamples, sigma: 1 };
  return sigma === undefined ? null : { samples, sigma };
}

type Noise = Awaited<ReturnType<typeof readNoise>>;

/** Noise read from a file, as streams that hand it out in order. */
async function readNoise(path: string, images: number, imageShape: readonly number[]) {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new InputError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  const noise = decodeNpy(bytes, path);
  const [count = 0, samples = 0, ...shape] = noise.dims;
  if (noise.type !== 'float32' || count < images || shape.join() !== imageShape.join()) {
    throw new InputError(
      `${path} is ${noise.type} [${noise.dims.join(', ')}]: expected float32 [${images}, samples, ${imageShape.join(', ')}]`,
    );
  }
  const perImage = noise.data.length / count;
  return {
    samples,
    stream: (image: number) => fromValues(noise.data.subarray(image * perImage, (image + 1) * perImage)),
  };
}

function fromValues(values: Float32Array): RandomSource {
  let next = 0;
  const draw = () => values[next++ % values.length]!;
  return { normal: draw, uniform: draw, integer: () => 0 };
}
