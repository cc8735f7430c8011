import { type DatasetSpec, datasetSpec } from '../datasets/dataset.ts';
import { formatByName } from '../datasets/format-by-name.ts';
import { openDataset } from '../datasets/open.ts';
import { InputError } from '../errors.ts';
import type { ImageShape } from '../models/classifier.ts';
import { type ClassOrder, DATASET_FORMATS, type DatasetFormat, type Preprocessing } from '../schemas/config.ts';
import { SEVERITIES } from '../schemas/corruption.ts';
import { localPath } from '../stores/open.ts';
import { describe, knownOptions, wholeNumber } from './arguments.ts';

/** Which images to read, and how. */
export interface ReadImagesOptions {
  /** Told by the name where left out: npy for .npy and .npz, idx for -idx3-ubyte, parquet for .parquet, else cifar10. */
  readonly format?: DatasetFormat;
  /** Index of the first image; 0 by default. */
  readonly first?: number;
  /** How many; all from `first` on by default. */
  readonly count?: number;
  /** The part of an archive or folder that has both; "test" by default. */
  readonly split?: 'train' | 'test';
  /** npy, idx: the path of the labels beside the images. */
  readonly labels?: string;
  /** npy: of images under five severities of a corruption, as CIFAR-10-C's, those of this one, 1 to 5; all where left out. */
  readonly severity?: number;
  /** imagefolder and parquet: what is done to an image, by RobustBench's names. */
  readonly preprocessing?: Preprocessing;
  /** imagefolder: a text file of the images to take, a path a line. */
  readonly list?: string;
  /** parquet: the column of images, where the file has several that could be meant. */
  readonly imageColumn?: string;
  /** parquet: that of the labels. */
  readonly labelColumn?: string;
  /** imagefolder: how class folders are numbered, as text or by the number in their names. */
  readonly classOrder?: ClassOrder;
}

/** Labelled images in memory. */
export interface LabelledImages {
  /** [N, C, H, W] in [0, 1], row-major. */
  readonly images: Float32Array;
  /** [N] */
  readonly labels: Int32Array;
  /** Index of each image in its data set. */
  readonly indices: readonly number[];
  /** [C, H, W] */
  readonly imageShape: ImageShape;
  /** Names of the classes, where the data set has them. */
  readonly classNames: readonly string[] | undefined;
  /** What is to be known of how they were read: files left out, labels found beside, values clipped. */
  readonly notes: readonly string[];
}

const OPTIONS = [
  ...['format', 'first', 'count', 'split', 'labels', 'severity', 'preprocessing', 'list', 'classOrder'],
  ...['imageColumn', 'labelColumn'],
];

/**
 * Reads images and labels of a CIFAR file, archive or folder, of .npy or .npz, of MNIST's idx files, of a folder (or .tar) of class folders, or of Parquet
 * files with encoded images.
 * Rejects with DatasetError or InputError where the file is not what its format promises, or has fewer images.
 */
export async function readImages(path: string, options: ReadImagesOptions = {}): Promise<LabelledImages> {
  knownOptions(options, OPTIONS, 'readImages');
  const first = wholeNumber(options.first ?? 0, 'first');
  const { count } = options;
  const limit = count === undefined ? undefined : first + wholeNumber(count, 'count', 1);
  const dataset = await openDataset(await specOf(path, options, limit));
  const wanted = dataset.count - first;
  if (wanted < 1) throw new InputError(`${path} has ${dataset.count} images: there is none at ${first}`);
  return {
    images: await dataset.pixels(first, wanted),
    labels: dataset.labels.slice(first),
    indices: Array.from({ length: wanted }, (_, i) => first + i),
    imageShape: dataset.imageShape,
    classNames: dataset.classNames,
    notes: (dataset.notes ?? []).map(({ message }) => message),
  };
}

async function specOf(path: string, options: ReadImagesOptions, limit: number | undefined): Promise<DatasetSpec> {
  const { format = formatByName(path), split = 'test', labels, severity, ...rest } = options;
  const { preprocessing, list, classOrder, imageColumn, labelColumn } = rest;
  if (!DATASET_FORMATS.includes(format))
    throw new InputError(`format is ${describe(format)}: give one of ${DATASET_FORMATS.join(', ')}`);
  if (format !== 'npy' && format !== 'idx' && labels !== undefined)
    throw new InputError('"labels" goes with format "npy" or "idx": leave it out');
  if (format !== 'npy' && severity !== undefined)
    throw new InputError('"severity" goes with format "npy": leave it out');
  if (severity !== undefined && wholeNumber(severity, 'severity', 1) > SEVERITIES)
    throw new InputError(`severity is ${severity}: give a whole number from 1 to ${SEVERITIES}`);
  const isEncoded = format === 'imagefolder' || format === 'parquet';
  if (!isEncoded && preprocessing !== undefined)
    throw new InputError('"preprocessing" goes with format "imagefolder" or "parquet": leave it out');
  if (format !== 'imagefolder' && (list ?? classOrder) !== undefined)
    throw new InputError('"list" and "classOrder" go with format "imagefolder": leave them out');
  if (format !== 'parquet' && (imageColumn ?? labelColumn) !== undefined)
    throw new InputError('"imageColumn" and "labelColumn" go with format "parquet": leave them out');
  const own = { labels: labels && (await localPath(labels)), severity, ...rest };
  return datasetSpec(format, { path: await localPath(path), split, limit }, own);
}
