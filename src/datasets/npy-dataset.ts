import { constants } from 'node:buffer';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { DatasetError, InputError, messageOf } from '../errors.ts';
import { fileKind } from '../numeric/file-kinds.ts';
import { decodeNpy } from '../numeric/npy.ts';
import { type Tensor, toNumbers } from '../numeric/tensor.ts';
import type { Note } from '../schemas/notes.ts';
import { CLASSES_FILE, ownClassNames, readBeside } from './archive-members.ts';
import { type Dataset, type DatasetFacts, type DatasetSpec, datasetOf, type Split } from './dataset.ts';
import { readBytes, readHead } from './files.ts';
import { imagesInFile, openLargeNpy } from './npy-file.ts';
import { imagesOf } from './npy-images.ts';
import { notImages } from './other-kinds.ts';
import { type ImageRange, imagesOfSeverity, severityNotes } from './severity.ts';

/** Arrays of an .npz that hold images and labels, in the order they are looked for. */
const PAIRS: Readonly<Record<Split, readonly (readonly [string, string])[]>> = {
  train: [
    ['x_train', 'y_train'],
    ['x', 'y'],
    ['images', 'labels'],
  ],
  test: [
    ['x_test', 'y_test'],
    ['x', 'y'],
    ['images', 'labels'],
  ],
};

type Pair = readonly [images: Tensor, labels: Tensor];

/**
 * Images from an .npy (with `labels` another .npy) or both from an .npz: [N, C, H, W] floats in [0, 1] or bytes, or bytes
 * [N, H, W, C], where C is 1 or 3; labels [N] of any integer type. Without a classes.txt beside it the highest label
 * says how many classes there are. Throws DatasetError, or InputError where a file is no .npy or .npz.
 */
export async function readNpyDataset(spec: DatasetSpec<'npy'>, wholeBytes: number = WHOLE_BYTES): Promise<Dataset> {
  const { path, limit, labels: labelsPath } = spec;
  const large = labelsPath === undefined ? undefined : await openLargeNpy(path, wholeBytes);
  if (large !== undefined && labelsPath !== undefined) {
    const { range, facts } = await taken(spec, large, await readNpy(labelsPath));
    return imagesInFile(large, range, facts, limit);
  }
  const [imageTensor, labelTensor] = await readPair(spec);
  const images = imagesOf(imageTensor, path);
  const [count = 0] = imageTensor.dims;
  const { range, facts } = await taken(spec, { ...images, count }, labelTensor);
  const size = images.pixels.length / count;
  // A copy, where images are left out, lets go of the whole file.
  const pixels =
    range.count === count ? images.pixels : images.pixels.slice(range.first * size, (range.first + range.count) * size);
  return datasetOf({ ...images, pixels, ...facts }, limit, path);
}

/** Which of the images are meant, and what is known of them. */
async function taken(
  spec: DatasetSpec<'npy'>,
  { count, notes = [] }: { readonly count: number; readonly notes?: readonly Note[] | undefined },
  tensor: Tensor,
): Promise<{ range: ImageRange; facts: Omit<DatasetFacts, 'imageShape'> }> {
  const { severity, limit, path } = spec;
  const { labels, ...classes } = await labelled(spec, count, tensor);
  if (severity === undefined)
    return {
      range: { first: 0, count },
      facts: { labels, ...classes, notes: [...notes, ...severityNotes(labels, limit, path)] },
    };
  const range = imagesOfSeverity(labels, severity, path);
  return { range, facts: { labels: labels.slice(range.first, range.first + range.count), ...classes, notes } };
}

/** A larger .npy of images stays in its file: neither a function nor a job has memory for all of it. */
const WHOLE_BYTES = 256 * 2 ** 20;

async function labelled(spec: DatasetSpec<'npy'>, count: number, tensor: Tensor) {
  const { path } = spec;
  const labels = labelsOf(tensor, spec.labels ?? path);
  if (labels.length !== count) {
    throw new DatasetError(`${path}: ${count} images but ${labels.length} labels; give one label an image`);
  }
  const classNames = ownClassNames(await readBeside(path, [CLASSES_FILE]), path);
  const classes = classNames?.length ?? labels.reduce((most, label) => Math.max(most, label + 1), 1);
  return { labels, classes, classNames };
}

async function readPair(spec: DatasetSpec<'npy'>): Promise<Pair> {
  const { path, labels } = spec;
  const kind = fileKind(await readHead(path));
  if (kind === 'npz' || kind === 'zip') {
    if (labels === undefined) return pairOfNpz(path, spec.split);
    throw new DatasetError(`${path}: is an .npz, which holds its own labels; leave "labels" out`);
  }
  if (kind === 'npy') {
    if (labels !== undefined) return [await readNpy(path), await readNpy(labels)];
    throw new DatasetError(`${path}: holds images only; name the .npy of their labels as "labels"`);
  }
  if (kind !== 'other') throw notImages(path, kind);
  throw new DatasetError(`${path}: is neither an .npy nor an .npz; write it with numpy.save`);
}

async function readNpy(path: string): Promise<Tensor> {
  const bytes = await readBytes(path);
  const kind = fileKind(bytes);
  if (kind !== 'npy' && kind !== 'other') throw notImages(path, kind);
  return decodeNpy(bytes, path);
}

async function pairOfNpz(path: string, split: Split): Promise<Pair> {
  const arrays = await readNpz(path, new Set(PAIRS[split].flat()));
  for (const [x, y] of PAIRS[split]) {
    const images = arrays.get(x);
    const labels = arrays.get(y);
    if (images !== undefined && labels !== undefined) return [images, labels];
  }
  const pairs = PAIRS[split].map((pair) => pair.join(' and ')).join(', or ');
  throw new DatasetError(`${path}: has no arrays ${pairs}; save them as numpy.savez(file, x=images, y=labels)`);
}

const INTEGERS: readonly Tensor['type'][] = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'];

const LARGEST_LABEL = 2 ** 31 - 1;

/** Keras saves labels as [N, 1], which is as good as [N]. */
function labelsOf(tensor: Tensor, where: string): Int32Array {
  const { type, dims } = tensor;
  if (!INTEGERS.includes(type) || dims.length === 0 || dims.slice(1).some((dim) => dim !== 1)) {
    throw new DatasetError(`${where}: labels of ${type} [${dims.join(', ')}] cannot be used; save integers [N]`);
  }
  const labels = toNumbers(tensor);
  const index = labels.findIndex((label) => label < 0 || label > LARGEST_LABEL);
  if (index < 0) return Int32Array.from(labels);
  throw new DatasetError(`${where}: label ${labels[index]} of image ${index} is no class; number the classes from 0`);
}

/** Deflate cannot shrink more than this (https://zlib.net/zlib_tech.html): a larger claim is a lie, not data. */
const MAX_DEFLATE_RATIO = 1032;

/**
 * Reads the arrays of a .npz file (a zip of .npy files, stored or deflated) by name; with `only`, just those. Throws
 * InputError where the file is no zip, is cut off or damaged, or holds something that is no .npy.
 */
export async function readNpz(path: string, only?: ReadonlySet<string>): Promise<Map<string, Tensor>> {
  try {
    const zip = await yauzl.openPromise(path);
    const tensors = new Map<string, Tensor>();
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName.replace(/\.npy$/, '');
      if (only !== undefined && !only.has(name)) continue;
      const where = `${path}: array "${name}"`;
      tensors.set(name, decodeNpy(await readEntry(zip, entry, where), where));
    }
    return tensors;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${path}: not a readable .npz (${messageOf(cause)}); get the file again`, { cause });
  }
}

async function readEntry(zip: ZipFile, entry: Entry, where: string): Promise<Uint8Array> {
  const size = entry.uncompressedSize;
  if (size > constants.MAX_LENGTH || size > entry.compressedSize * MAX_DEFLATE_RATIO) {
    throw new InputError(
      `${where}: a size of ${size} bytes is more than can be read; save it as several smaller files`,
    );
  }
  const bytes = new Uint8Array(size);
  let length = 0;
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (crc32(bytes) !== entry.crc32) throw new InputError(`${where}: its checksum is wrong; get the file again`);
  return bytes;
}
