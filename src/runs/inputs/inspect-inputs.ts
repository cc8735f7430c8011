import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { type Dataset, type DatasetSpec, datasetSpec } from '../../datasets/dataset.ts';
import { digestOf } from '../../datasets/digest.ts';
import { requireModelClasses } from '../../datasets/model-classes.ts';
import { openDataset } from '../../datasets/open.ts';
import { surveyImages } from '../../datasets/survey.ts';
import { CheckpointError, ConfigError, DatasetError, messageOf } from '../../errors.ts';
import { layerOf, requireDeterministic, tellingAxis } from '../../models/classifier.ts';
import { insteadOfMissing } from '../../numeric/missing-path.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { type Note, noteSchema } from '../../schemas/notes.ts';
import { readingFactSchema } from '../../schemas/reading.ts';
import { rankedMask, rankingUses } from '../../schemas/variants.ts';
import { clipInputsSchema, inspectClip } from './clip-inputs.ts';
import { digestAfter, digestBefore } from './images-digest.ts';
import { modelDigest } from './model-digest.ts';
import { classifierSpec, openClassifier } from './open-classifier.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const images = z.strictObject({ sha256, images: z.int().positive() });

/** What is known of a run's inputs after opening them once: enough to plan it and to tell it from any other. */
export const inputsSchema = z.strictObject({
  checkpoint: z.strictObject({
    sha256,
    architecture: z.string(),
    classes: z.int().positive(),
    /** `axis`: of the units in the layer's value, where it is another than 1 of [N, D, H, W] and 2 of [N, T, D]. */
    layer: z
      .strictObject({ name: z.string(), units: z.int().positive(), axis: z.int().positive().optional() })
      .nullable(),
    notes: z.array(z.string()),
    /** Size of the file; plans of the first edition do not say it. */
    bytes: z.int().nonnegative().optional(),
    /** Plans of the first edition have none. */
    reading: z.array(readingFactSchema).optional(),
  }),
  imageShape: z.tuple([z.int(), z.int(), z.int()]),
  test: images,
  probe: images.nullable(),
  /** SHA-256 of labels that have a file of their own. */
  labels: z.strictObject({ test: sha256.optional(), probe: sha256.optional() }).optional(),
  classNames: z.array(z.string()),
  /** Groups of test images that are equal, where there are such. */
  copies: z.array(z.array(z.int().nonnegative()).min(2)).optional(),
  /** What a user must know of the images, where there is something. */
  notes: z.array(noteSchema).optional(),
  /** Where a variant is ranked by CLIP. */
  clip: clipInputsSchema.optional(),
});
export type RunInputs = z.infer<typeof inputsSchema>;

/** The images a run evaluates. */
export function testSpec({ dataset }: RunConfig): DatasetSpec {
  const { format, testLabels: labels, testList: list, ...own } = dataset;
  return datasetSpec(
    format,
    { path: dataset.test, split: 'test', limit: dataset.testImages },
    { ...own, labels, list },
  );
}

/** The images units are ranked on; undefined where the config names none. */
export function probeSpec({ dataset }: RunConfig): DatasetSpec | undefined {
  const { format, probe, probeFraction, probeSeed = 0, severity: _, ...own } = dataset;
  if (probe === undefined) return undefined;
  const sample = probeFraction === undefined ? undefined : { fraction: probeFraction, seed: probeSeed };
  const common = { path: probe, split: 'train', limit: dataset.probeImages, sample } as const;
  return datasetSpec(format, common, { ...own, labels: dataset.probeLabels });
}

/**
 * Opens the checkpoint and the data once, and checks that they fit each other and the config. Nothing is written.
 * Throws CheckpointError, GraphError, ModelError, DatasetError or ConfigError.
 */
export async function inspectInputs(config: RunConfig): Promise<RunInputs> {
  const { checkpoint } = config;
  const digest = await checkpointDigest(checkpoint.uri, checkpoint.sha256);
  const ofTest = testSpec(config);
  const probe = probeSpec(config);
  const before = [await digestBefore(ofTest), probe && (await digestBefore(probe))];
  const test = await openDataset(ofTest);
  const classifier = await openClassifier(classifierSpec(config, test.imageShape));
  const { format, testLabels, probeLabels } = config.dataset;
  requireModelClasses(test, classifier.classes, { format, where: testLabels ?? config.dataset.test });
  const probeSet = probe === undefined ? undefined : await openDataset(probe);
  if (probeSet !== undefined && probe !== undefined) {
    requireModelClasses(probeSet, classifier.classes, { format, where: probeLabels ?? probe.path });
    checkProbe(probeSet, test, probe.path);
  }
  if (config.variants.some(({ mask }) => mask !== null)) requireDeterministic(classifier, 'the config masks its units');
  const survey = await surveyImages(ofTest, test);
  const notes = withoutRepeats([...(test.notes ?? []), ...survey.notes, ...(probeSet?.notes ?? [])]);
  const layer = config.layer === undefined ? null : layerOf(classifier, config.layer);
  checkUnits(config, layer);
  const clip = await clipOf(config, test, probeSet, classifier.classes);
  return {
    checkpoint: {
      sha256: digest,
      bytes: (await stat(checkpoint.uri)).size,
      architecture: classifier.architecture,
      classes: classifier.classes,
      layer: layer && { name: layer.name, units: layer.units, ...tellingAxis(layer) },
      notes: [...classifier.notes],
      reading: [...classifier.reading],
    },
    imageShape: [...test.imageShape],
    test: { sha256: await digestAfter(ofTest, before[0]), images: test.count },
    probe:
      probeSet === undefined || probe === undefined
        ? null
        : { sha256: await digestAfter(probe, before[1]), images: probeSet.count },
    ...(await labelDigests(config)),
    classNames: [...(test.classNames ?? Array.from({ length: classifier.classes }, (_, c) => `class ${c}`))],
    ...(survey.copies.length > 0 && { copies: survey.copies }),
    ...(notes.length > 0 && { notes }),
    ...(clip && { clip }),
  };
}

/** Test and probe set are often one file. */
function withoutRepeats(notes: readonly Note[]): Note[] {
  return [...new Map(notes.map((note) => [note.message, note])).values()];
}

async function labelDigests({ dataset }: RunConfig): Promise<Pick<RunInputs, 'labels'>> {
  const { format, testLabels, probeLabels } = dataset;
  // Of idx the digest of the images has them, named or found.
  if (format === 'idx' || (testLabels ?? probeLabels) === undefined) return {};
  const test = testLabels === undefined ? {} : { test: await digestOf(testLabels) };
  return { labels: { ...test, ...(probeLabels !== undefined && { probe: await digestOf(probeLabels) }) } };
}

/** Opened only where a variant needs it: a CLIP is hundreds of megabytes. */
function clipOf(config: RunConfig, test: Dataset, probe: Dataset | undefined, classes: number) {
  const { clip, classNames } = config.ranking;
  const masks = config.variants.flatMap((variant) => rankedMask(variant) ?? []);
  const isUsed = masks.some(({ ranking }) => rankingUses(ranking, 'clip'));
  if (!isUsed || clip === undefined || probe === undefined) return undefined;
  return inspectClip(clip, { classes, images: probe.count, classNames, ownNames: test.classNames });
}

/** The checkpoint's identity, see `modelDigest`. Throws CheckpointError where it is not there or not the one expected. */
export async function checkpointDigest(path: string, expected?: string): Promise<string> {
  const file = await stat(path).catch((cause: unknown) => {
    throw new CheckpointError(`cannot read checkpoint ${path}: ${insteadOfMissing(path) ?? messageOf(cause)}`, {
      cause,
    });
  });
  if (!file.isFile()) throw new CheckpointError(`checkpoint ${path} is not a file`);
  const digest = await modelDigest(path);
  // Whoever expects an .onnx expects its own file, or all that it is.
  if (expected !== undefined && digest !== expected && (await digestOf(path)) !== expected) {
    throw new CheckpointError(
      `checkpoint ${path} has SHA-256 ${digest}, the config expects ${expected}: fetch the right file`,
    );
  }
  return digest;
}

function checkProbe(probe: Dataset, test: Dataset, where: string): void {
  if (probe.imageShape.join() !== test.imageShape.join()) {
    throw new DatasetError(
      `${where} has images [${probe.imageShape.join(', ')}], the test set [${test.imageShape.join(', ')}]`,
    );
  }
}

function checkUnits({ importantUnits }: RunConfig, layer: { name: string; units: number } | null): void {
  if (layer !== null && importantUnits !== undefined && importantUnits > layer.units) {
    throw new ConfigError(`importantUnits is ${importantUnits}, but ${layer.name} has only ${layer.units} units`);
  }
}
