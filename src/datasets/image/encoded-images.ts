import { DatasetError } from '../../errors.ts';
import type { Preprocessing } from '../../schemas/config.ts';
import { BYTE_AS_FLOAT, checkLabels, type Dataset, type DatasetFacts, datasetReading } from '../dataset.ts';
import { croppedSide, decodeRgb, preprocess } from './decode.ts';
import { imageSize } from './image-size.ts';
import { requireWholeImage } from './whole-file.ts';

/** Images in the works at once: enough to keep libuv's four threads busy, few enough to hold little. */
const AT_ONCE = 4;

/** JPEG, PNG or WebP images somewhere, with their labels. */
export interface EncodedImages extends Omit<DatasetFacts, 'imageShape'> {
  /** The data set, for messages. */
  readonly where: string;
  readonly preprocessing: Preprocessing | undefined;
  /** What messages call an image of it. */
  readonly image: (index: number) => string;
  /** Bytes of its file. */
  readonly read: (index: number) => Promise<Uint8Array>;
}

/** The data set of images that are read, decoded and preprocessed each time they are asked for. Throws DatasetError. */
export async function encodedImages(images: EncodedImages): Promise<Dataset> {
  const { where, preprocessing = 'none', image, read, ...facts } = images;
  checkLabels(facts.labels, facts.classes, where);
  const side = croppedSide(preprocessing);
  const named = (index: number) => `${where}: ${image(index)}`;
  const whole = async (index: number) => {
    const bytes = await read(index);
    requireWholeImage(bytes, named(index));
    return bytes;
  };
  const first = side === undefined ? imageSize(await whole(0), named(0)) : { width: side, height: side };
  const { width, height } = first;
  const size = 3 * height * width;
  return datasetReading({ ...facts, imageShape: [3, height, width] }, (indices, pixels) =>
    eachAtOnce(indices, async (index, place) => {
      const { data, ...found } = preprocess(await decodeRgb(await whole(index), named(index)), preprocessing);
      if (found.width !== width || found.height !== height) throw unequal(named(index), found, image(0), first);
      planesOf(data, pixels.subarray(place * size, (place + 1) * size));
    }),
  );
}

/** Interleaved bytes [H, W, 3] to planes [3, H, W] in [0, 1], as torchvision's ToTensor. */
function planesOf(bytes: Uint8Array, planes: Float32Array): void {
  const size = planes.length / 3;
  for (let pixel = 0, from = 0; pixel < size; pixel++) {
    for (let channel = 0; channel < 3; channel++) planes[channel * size + pixel] = BYTE_AS_FLOAT[bytes[from++]!]!;
  }
}

/** Does `work` for every item, a few at a time; the first failure is thrown once those begun have ended. */
async function eachAtOnce<T>(items: readonly T[], work: (item: T, place: number) => Promise<void>): Promise<void> {
  const queue = items.entries();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const [place, item] of queue) {
      if (failures.length > 0) return;
      await work(item, place).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (failures.length > 0) throw failures[0];
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function unequal(where: string, found: Size, first: string, expected: Size): DatasetError {
  return new DatasetError(
    `${where}: is ${found.width} x ${found.height}, ${first} ${expected.width} x ${expected.height}; ` +
      'a model takes images of one size: choose a preprocessing, such as Res256Crop224',
  );
}
