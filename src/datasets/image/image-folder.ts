import { DatasetError } from '../../errors.ts';
import { BYTE_AS_FLOAT, checkLabels, type Dataset, type DatasetSpec, datasetReading } from '../dataset.ts';
import { croppedSide, decodeRgb, imageSize, preprocess } from './decode.ts';
import { type ImageIndex, indexImages } from './index-images.ts';

/** Images in the works at once: enough to keep libuv's four threads busy, few enough to hold little. */
const AT_ONCE = 4;

/**
 * A folder of class folders, as torchvision's ImageFolder reads it, or an uncompressed tar archive of one. Only names and
 * labels are kept: an image is read, decoded and preprocessed each time it is asked for. Throws DatasetError.
 */
export async function readImageFolder(spec: DatasetSpec<'imagefolder'>): Promise<Dataset> {
  const { path, preprocessing = 'none' } = spec;
  const index = await indexImages(spec);
  const { images, classes, classNames, read } = index;
  const side = croppedSide(preprocessing);
  const [height, width] = side === undefined ? await firstSize(index, path) : [side, side];
  const labels = Int32Array.from(images, ({ label }) => label);
  checkLabels(labels, classes, path);
  const names = images.map(({ name }) => name);
  const size = 3 * height * width;
  const facts = { imageShape: [3, height, width] as const, classes, classNames, labels, names };
  return datasetReading(facts, (indices, pixels) =>
    eachAtOnce(indices, async (image, place) => {
      const name = names[image]!;
      const where = `${path}: ${name}`;
      const { data, ...found } = preprocess(await decodeRgb(await read(name), where), preprocessing);
      if (found.width !== width || found.height !== height) throw unequal(where, found, names[0]!, { width, height });
      planesOf(data, pixels.subarray(place * size, (place + 1) * size));
    }),
  );
}

async function firstSize({ images, read }: ImageIndex, path: string): Promise<[height: number, width: number]> {
  const name = images[0]!.name;
  const { width, height } = await imageSize(await read(name), `${path}: ${name}`);
  return [height, width];
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
