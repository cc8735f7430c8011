import { basename } from 'node:path';
import type { Command } from 'commander';
import { NO_PREDICTION } from '../../attacks/core/predictions.ts';
import { requireFewUnpredicted } from '../../attacks/core/unpredicted.ts';
import { batchesOf, type Dataset } from '../../datasets/dataset.ts';
import { requireModelClasses } from '../../datasets/model-classes.ts';
import { openDataset } from '../../datasets/open.ts';
import { surveyImages } from '../../datasets/survey.ts';
import { OnnxModel } from '../../evaluation/onnx-model.ts';
import { predictedClasses } from '../../evaluation/predict.ts';
import { proveModel } from '../../evaluation/proof/prove-model.ts';
import { isFiniteRow } from '../../numeric/float32.ts';
import { encodeNpy } from '../../numeric/npy.ts';
import { keyedStream } from '../../numeric/random.ts';
import { imagesText } from '../../numeric/ranges.ts';
import { rowOf } from '../../numeric/rows.ts';
import { float32 } from '../../numeric/tensor.ts';
import { openClassifier } from '../../runs/inputs/open-classifier.ts';
import { testifyOn } from '../../runs/inputs/testify-model.ts';
import { onnxRuntime } from '../../runtime/session.ts';
import { testimonyText } from '../../schemas/testimony.ts';
import { localPath } from '../../stores/open.ts';
import { modelNotes, sayAssumed, sayModelNotes } from '../assumptions.ts';
import {
  addDefenceOptions,
  type DefenceFlags,
  evaluatedModel,
  type Noise,
  readNoise,
  refuseIdleDefence,
} from '../defence.ts';
import { positiveInteger } from '../numbers.ts';
import {
  addDataOptions,
  addModelOptions,
  cores,
  type DataFlags,
  dataSpec,
  layerFlags,
  localData,
  type ModelFlags,
  modelOptions,
} from '../options.ts';
import { addJson, printJson } from '../output.ts';
import { print, writeOutput } from '../storage-location.ts';

interface PredictFlags extends ModelFlags, DataFlags, DefenceFlags {
  readonly first?: number;
  readonly batchSize: number;
  readonly logits?: string;
  readonly gradient?: string;
}

export function define(command: Command): void {
  command
    .argument('<checkpoint>')
    .option('--first <n>', 'the first n images (default: all)', positiveInteger)
    .option('--batch-size <n>', 'images at a time', positiveInteger, 64)
    .option('--logits <file>', 'write the logits, .npy [N, C]')
    .option(
      '--gradient <file>',
      'write the gradient of the per-image cross-entropy with respect to the image, .npy [N, C, H, W]',
    );
  addDefenceOptions(addModelOptions(addDataOptions(addJson(command)))).action(predict);
}

async function predict(checkpoint: string, given: PredictFlags): Promise<void> {
  refuseIdleDefence(given);
  const flags = await localFlags(given);
  const path = await localPath(checkpoint);
  const spec = dataSpec(flags, 'test', flags.first);
  const data = await openDataset(spec);
  const noise = flags.noise === undefined ? undefined : await readNoise(flags.noise, data.count, data.imageShape);
  const classifierSpec = { path, ...layerFlags(flags), imageShape: data.imageShape, ...modelOptions(flags) };
  const classifier = await openClassifier(classifierSpec);
  requireModelClasses(data, classifier.classes, { format: spec.format, where: flags.labels ?? flags.data });
  const runtime = onnxRuntime({ threads: cores() });
  const testimony = await testifyOn(classifierSpec, data, runtime);
  const model = new OnnxModel(
    await evaluatedModel(classifier, classifierSpec, flags, noise?.samples),
    data.imageShape,
    classifier.classes,
    runtime,
  );
  const proof = { name: basename(path), data, gradients: flags.gradient !== undefined, evaluations: data.count };
  const { proved, logits, gradient } = await proveModel(model, proof)
    .then(async ({ notes }) => ({ proved: notes, ...(await outputsOf(model, data, flags, noise)) }))
    .finally(() => model.release());
  const notes = [...(data.notes ?? []), ...(await surveyImages(spec, data)).notes, ...proved];
  if (flags.logits !== undefined)
    await writeOutput(flags.logits, encodeNpy(float32([data.count, classifier.classes], logits)));
  if (flags.gradient !== undefined)
    await writeOutput(flags.gradient, encodeNpy(float32([data.count, ...data.imageShape], gradient)));
  const accuracy = accuracyOf(data.labels, predictedClasses(logits, classifier.classes));
  const idleGradients = gradient === undefined ? [] : idleRows(gradient, model.imageSize);
  printJson({
    ...accuracy,
    idleGradients,
    testimony,
    reading: classifier.reading,
    notes: [...modelNotes(classifier.notes), ...notes],
  });
  for (const { message } of notes) print(`note: ${message}`);
  printAccuracy(accuracy);
  print(`  ${testimonyText(testimony)}`);
  sayModelNotes(classifier.notes);
  sayAssumed(classifier.reading);
  if (idleGradients.length > 0) print(`  note: the gradient of ${imagesText(idleGradients)} is NaN or infinite`);
}

/** Logits [N, classes] and, where they are asked for, gradients [N, imageSize] of all images. */
async function outputsOf(model: OnnxModel, data: Dataset, flags: PredictFlags, noise: Noise | undefined) {
  const logits = new Float32Array(data.count * model.classes);
  const gradient = flags.gradient === undefined ? undefined : new Float32Array(data.count * model.imageSize);
  for await (const { first, count, x, labels } of batchesOf(data, flags.batchSize)) {
    const streams = Array.from(
      { length: count },
      (_, i) => noise?.stream(first + i) ?? keyedStream([flags.seed ?? 0, first + i, 'clean']),
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
function accuracyOf(labels: Int32Array, predictions: Int32Array) {
  const unpredicted = [...predictions.keys()].filter((image) => predictions[image] === NO_PREDICTION);
  requireFewUnpredicted(unpredicted);
  const right = labels.filter((label, image) => predictions[image] === label).length;
  return { images: labels.length, right, accuracy: right / labels.length, unpredicted };
}

function printAccuracy({ images, right, accuracy, unpredicted }: ReturnType<typeof accuracyOf>): void {
  print(`${right} of ${images} images right (${(100 * accuracy).toFixed(1)}%)`);
  if (unpredicted.length > 0)
    print(`  note: no prediction, which is wrong, on ${imagesText(unpredicted)}: logits are NaN or infinite`);
}

/** Images whose gradient has a number that is none. */
function idleRows(gradient: Float32Array, size: number): number[] {
  const rows = Array.from({ length: gradient.length / size }, (_, image) => image);
  return rows.filter((image) => !isFiniteRow(rowOf(gradient, image, size)));
}

async function localFlags(given: PredictFlags): Promise<PredictFlags> {
  const { ranking, noise, ...flags } = await localData(given);
  return {
    ...flags,
    ...(ranking === undefined ? {} : { ranking: await localPath(ranking) }),
    ...(noise === undefined ? {} : { noise: await localPath(noise) }),
  };
}
