import { DatasetError } from '../errors.ts';
import { keyedStream } from '../numeric/random.ts';
import type { ClassOrder, DatasetFormat, Preprocessing } from '../schemas/config.ts';
import type { Note } from '../schemas/notes.ts';

/**
 * Labelled images of one size, in memory or read when they are asked for. An image's index is its identity: random streams
 * and results hang on it.
 */
export interface Dataset {
  readonly count: number;
  /** Channels, height, width. */
  readonly imageShape: readonly [number, number, number];
  /** Labels are 0 to classes - 1. */
  readonly classes: number;
  readonly classNames?: readonly string[] | undefined;
  readonly labels: Int32Array;
  /** Where each image is from, where it has a file of its own; the same for a folder and an archive of it. */
  readonly names?: readonly string[] | undefined;
  /** What of the files was left out, changed or assumed. */
  readonly notes?: readonly Note[] | undefined;
  /**
   * Images first to first + count - 1 as bytes, as many an image, that are equal where the images are: those of the file, where they say
   * in a byte what takes a float.
   */
  readonly stored?: ((first: number, count: number) => Promise<Uint8Array>) | undefined;
  /** Images first to first + count - 1: [count, C, H, W] in [0, 1], row-major. Rejects with RangeError past the end. */
  pixels(first: number, count: number): Promise<Float32Array>;
  /** The images of these indices, in their order: [indices.length, C, H, W] in [0, 1]. Rejects with RangeError past the end. */
  gather(indices: ArrayLike<number>): Promise<Float32Array>;
}

/** What a dataset says of its images without reading them. */
export type DatasetFacts = Omit<Dataset, 'count' | 'pixels' | 'gather'>;

/** What a reader hands over: bytes 0 to 255, or floats in [0, 1], [count, C, H, W]. */
export interface DatasetParts extends DatasetFacts {
  readonly pixels: Uint8Array | Float32Array | Float64Array;
}

/** byte / 255 in float32, bit for bit what torchvision's ToTensor gives. */
export const BYTE_AS_FLOAT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * The dataset of these parts, cut to the first `limit` images. Throws DatasetError where there are fewer than that, or
 * where a label is none of the classes; `where` names the file.
 */
export function datasetOf(parts: DatasetParts, limit: number | undefined, where: string): Dataset {
  const count = imagesToTake(parts.labels.length, limit, where);
  const labels = parts.labels.slice(0, count);
  checkLabels(labels, parts.classes, where);
  const size = parts.imageShape[0] * parts.imageShape[1] * parts.imageShape[2];
  // A copy, where images are left out, lets go of the whole file.
  const whole = count === parts.labels.length;
  const pixels = whole ? parts.pixels : parts.pixels.slice(0, count * size);
  const { imageShape, classes, classNames, names, notes } = parts;
  const stored =
    pixels instanceof Uint8Array
      ? async (first: number, length: number) => pixels.subarray(first * size, (first + length) * size)
      : undefined;
  return datasetReading({ imageShape, labels, classes, classNames, names, notes, stored }, async (indices, images) => {
    for (const [i, index] of indices.entries())
      copyPixels(pixels.subarray(index * size, (index + 1) * size), images.subarray(i * size, (i + 1) * size));
  });
}

/** Bytes or floats of images to floats in [0, 1]. */
export function copyPixels(source: DatasetParts['pixels'], target: Float32Array): void {
  if (source instanceof Uint8Array) for (let i = 0; i < source.length; i++) target[i] = BYTE_AS_FLOAT[source[i]!]!;
  else target.set(source);
}

/** The dataset whose images `fill` writes, [indices.length, C, H, W] in [0, 1]; the indices are in range. */
export function datasetReading(
  facts: DatasetFacts,
  fill: (indices: readonly number[], images: Float32Array) => Promise<void>,
): Dataset {
  const count = facts.labels.length;
  const [channels, height, width] = facts.imageShape;
  const gather = async (indices: ArrayLike<number>) => {
    const wanted = Array.from(indices);
    const beyond = wanted.find((index) => !(Number.isInteger(index) && index >= 0 && index < count));
    if (beyond !== undefined) throw new RangeError(`image ${beyond} of a dataset of ${count}`);
    const images = new Float32Array(wanted.length * channels * height * width);
    await fill(wanted, images);
    return images;
  };
  const pixels = (first: number, length: number) => gather(Array.from({ length }, (_, i) => first + i));
  return { ...facts, count, pixels, gather };
}

/** How many of `count` images a limit leaves. Throws DatasetError where it asks for more, or there are none. */
export function imagesToTake(count: number, limit: number | undefined, where: string): number {
  if (count === 0) throw new DatasetError(`${where}: holds no images`);
  if (limit === undefined) return count;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new DatasetError(
      `${where}: a limit of ${limit} images was asked for; give a whole number from 1 to ${count}`,
    );
  }
  if (limit > count) {
    throw new DatasetError(
      `${where}: ${limit} images were asked for, it holds ${count}; ask for ${count} (testImages or probeImages of a config), or leave it out for all`,
    );
  }
  return limit;
}

/** More do not fit into the 32 bits of a label, and would become others. */
export const LARGEST_LABEL = 2 ** 31 - 1;

/** Throws DatasetError where a label is none of the classes. */
export function checkLabels(labels: Int32Array, classes: number, where: string): void {
  const index = labels.findIndex((label) => label < 0 || label >= classes);
  if (index < 0) return;
  throw new DatasetError(
    `${where}: image ${index} has label ${labels[index]}, but labels go from 0 to ${classes - 1}; ` +
      'the file is damaged or of another format',
  );
}

/** Which part of a published dataset: images to fit and rank on, or images to evaluate. */
export type Split = 'train' | 'test';

interface CommonSpec {
  /** The file or folder to read, see the reader of the format. */
  readonly path: string;
  /** Picks the members of an archive, a folder or an .npz; a single file is what it is, whichever split is asked for. */
  readonly split: Split;
  /** Only the first so many images; all by default. */
  readonly limit?: number | undefined;
  /** Of these a sample, see `sampleByClass`; all by default. */
  readonly sample?: SampleSpec | undefined;
}

/** The share of every class to draw, in (0, 1], and the seed to draw with. */
export interface SampleSpec {
  readonly fraction: number;
  readonly seed: number;
}

/** What formats take besides, those that take more. */
interface OwnSpecs {
  /** `labels` is the .npy of the labels, where `path` is an .npy of images. */
  npy: {
    readonly labels?: string | undefined;
    /** Of images under five severities of a corruption, one after the other, those of this one, 1 to 5. */
    readonly severity?: number | undefined;
  };
  /** `labels` is the file of the labels; found beside by its name where left out. `path` is the file of images, or a folder of both. */
  idx: { readonly labels?: string | undefined };
  /** `list` is a text file of the images to take, a path a line; `path` is a folder of class folders, or a tar of one. */
  imagefolder: {
    readonly preprocessing?: Preprocessing | undefined;
    readonly list?: string | undefined;
    /** How class folders are numbered: as text, the usual, or by the number in their names. */
    readonly classOrder?: ClassOrder | undefined;
  };
  /** Columns are named where the file has several that could be meant; `path` is a file, or the folder of a split's files. */
  parquet: {
    readonly preprocessing?: Preprocessing | undefined;
    readonly imageColumn?: string | undefined;
    readonly labelColumn?: string | undefined;
  };
}

/** Where a dataset is and how to read it; a union over the formats. */
export type DatasetSpec<F extends DatasetFormat = DatasetFormat> = {
  [K in F]: { readonly format: K } & CommonSpec & (K extends keyof OwnSpecs ? OwnSpecs[K] : unknown);
}[F];

/** What may be said of the data of some format or other. */
type OwnOptions = OwnSpecs['npy'] & OwnSpecs['imagefolder'] & OwnSpecs['parquet'];

/** The spec of a format: of what is said, what it takes. */
export function datasetSpec(format: DatasetFormat, common: CommonSpec, own: OwnOptions): DatasetSpec {
  const { labels, severity, preprocessing, list, classOrder, imageColumn, labelColumn } = own;
  if (format === 'npy') return { format, ...common, labels, severity };
  if (format === 'idx') return { format, ...common, labels };
  if (format === 'imagefolder') return { format, ...common, preprocessing, list, classOrder };
  if (format === 'parquet') return { format, ...common, preprocessing, imageColumn, labelColumn };
  return { format, ...common };
}

/** Images first to first + count - 1 of a dataset, [count, C, H, W], and their labels. */
export interface Batch {
  readonly first: number;
  readonly count: number;
  readonly x: Float32Array;
  readonly labels: Int32Array;
}

/** The dataset from its first image to its last, `size` images at a time; the next batch is read while one is worked on. */
export async function* batchesOf(dataset: Dataset, size: number): AsyncGenerator<Batch> {
  const read = (first: number) => {
    const x = dataset.pixels(first, Math.min(size, dataset.count - first));
    // Whoever stops early never awaits it: its failure then is nobody's, and must not end the process.
    x.catch(() => {});
    return x;
  };
  let next: Promise<Float32Array> | undefined = read(0);
  for (let first = 0; next !== undefined; first += size) {
    const x: Float32Array = await next;
    const count = Math.min(size, dataset.count - first);
    next = first + count < dataset.count ? read(first + count) : undefined;
    yield { first, count, x, labels: dataset.labels.subarray(first, first + count) };
  }
}

/**
 * Indices, ascending, of a sample with the same share of every class: of n images round(fraction * n), but at least one. Each image
 * draws a number from a stream keyed by the seed and its name (its index, where it has none), and a class keeps the
 * images with the lowest: a sample does not depend on the order of files, and a larger one of the same seed contains it.
 */
export function sampleByClass(
  { labels, names }: Pick<Dataset, 'labels' | 'names'>,
  { fraction, seed }: SampleSpec,
): number[] {
  const byClass = new Map<number, { index: number; draw: number }[]>();
  for (const [index, label] of labels.entries()) {
    const image = { index, draw: keyedStream([seed, 'sample', names?.[index] ?? index]).uniform() };
    const images = byClass.get(label);
    if (images === undefined) byClass.set(label, [image]);
    else images.push(image);
  }
  const kept = [...byClass.values()].flatMap((images) => {
    const count = Math.max(1, Math.round(fraction * images.length));
    return images.sort((a, b) => a.draw - b.draw || a.index - b.index).slice(0, count);
  });
  return kept.map(({ index }) => index).sort((a, b) => a - b);
}

/** The images of these indices as a dataset of their own, numbered anew from 0. */
export function subsetOf(dataset: Dataset, indices: readonly number[]): Dataset {
  const { imageShape, classes, classNames, labels, names, notes } = dataset;
  const facts = {
    imageShape,
    classes,
    classNames,
    labels: Int32Array.from(indices, (index) => labels[index]!),
    names: names && indices.map((index) => names[index]!),
    notes,
  };
  return datasetReading(facts, async (wanted, images) => {
    images.set(await dataset.gather(wanted.map((index) => indices[index]!)));
  });
}
