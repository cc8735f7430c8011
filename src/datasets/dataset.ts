import { DatasetError } from '../contracts/errors.ts';

/** Labelled images of one size, in memory. An image's index is its identity: random streams and results hang on it. */
export interface Dataset {
  readonly count: number;
  /** Channels, height, width. */
  readonly imageShape: readonly [number, number, number];
  /** Labels are 0 to classes - 1. */
  readonly classes: number;
  readonly classNames?: readonly string[] | undefined;
  readonly labels: Int32Array;
  /** Images first to first + count - 1: [count, C, H, W] in [0, 1], row-major. Throws RangeError past the end. */
  pixels(first: number, count: number): Float32Array;
  /** The images of these indices, in their order: [indices.length, C, H, W] in [0, 1]. Throws RangeError past the end. */
  gather(indices: ArrayLike<number>): Float32Array;
}

/** What a reader hands over: bytes 0 to 255, or floats in [0, 1], [count, C, H, W]. */
export interface DatasetParts {
  readonly pixels: Uint8Array | Float32Array | Float64Array;
  readonly imageShape: readonly [number, number, number];
  readonly labels: Int32Array;
  readonly classes: number;
  readonly classNames?: readonly string[] | undefined;
}

/** byte / 255 in float32, bit for bit what torchvision's ToTensor gives. */
const BYTE_AS_FLOAT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

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
  return new ArrayDataset({ ...parts, labels, pixels }, size);
}

function imagesToTake(count: number, limit: number | undefined, where: string): number {
  if (count === 0) throw new DatasetError(`${where}: holds no images`);
  if (limit === undefined) return count;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new DatasetError(
      `${where}: a limit of ${limit} images was asked for; give a whole number from 1 to ${count}`,
    );
  }
  if (limit > count) {
    throw new DatasetError(
      `${where}: ${limit} images were asked for, it holds ${count}; lower the limit or leave it out`,
    );
  }
  return limit;
}

function checkLabels(labels: Int32Array, classes: number, where: string): void {
  const index = labels.findIndex((label) => label < 0 || label >= classes);
  if (index < 0) return;
  throw new DatasetError(
    `${where}: image ${index} has label ${labels[index]}, but labels go from 0 to ${classes - 1}; ` +
      'the file is damaged or of another format',
  );
}

class ArrayDataset implements Dataset {
  readonly count: number;
  readonly imageShape: readonly [number, number, number];
  readonly classes: number;
  readonly classNames: readonly string[] | undefined;
  readonly labels: Int32Array;
  readonly #pixels: DatasetParts['pixels'];
  readonly #size: number;

  constructor({ pixels, imageShape, labels, classes, classNames }: DatasetParts, size: number) {
    this.count = labels.length;
    this.imageShape = imageShape;
    this.classes = classes;
    this.classNames = classNames;
    this.labels = labels;
    this.#pixels = pixels;
    this.#size = size;
  }

  pixels(first: number, count: number): Float32Array {
    const images = new Float32Array(count * this.#size);
    this.#copy(first, count, images, 0);
    return images;
  }

  gather(indices: ArrayLike<number>): Float32Array {
    const images = new Float32Array(indices.length * this.#size);
    for (let i = 0; i < indices.length; i++) this.#copy(indices[i] ?? -1, 1, images, i * this.#size);
    return images;
  }

  #copy(first: number, count: number, target: Float32Array, offset: number): void {
    if (!(Number.isInteger(first) && first >= 0 && first + count <= this.count)) {
      throw new RangeError(`images ${first} to ${first + count - 1} of a dataset of ${this.count}`);
    }
    const source = this.#pixels.subarray(first * this.#size, (first + count) * this.#size);
    if (source instanceof Uint8Array) {
      for (let i = 0; i < source.length; i++) target[offset + i] = BYTE_AS_FLOAT[source[i]!]!;
    } else target.set(source, offset);
  }
}
