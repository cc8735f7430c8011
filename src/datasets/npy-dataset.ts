import { stat } from 'node:fs/promises';
import { DatasetError } from '../errors.ts';
import { fileKind } from '../numeric/file-kinds.ts';
import { decodeNpy } from '../numeric/npy.ts';
import type { Tensor } from '../numeric/tensor.ts';
import type { Note } from '../schemas/notes.ts';
import { labelled } from './array-labels.ts';
import { type Dataset, type DatasetFacts, type DatasetSpec, datasetOf, type Split } from './dataset.ts';
import { readBytes, readHead } from './files.ts';
import { imagesInFile, type NpyLocation, openLargeNpy } from './npy-file.ts';
import { imagesOf } from './npy-images.ts';
import { npzMember, npzNames, readNpz, requireMemory } from './npz.ts';
import { notImages } from './other-kinds.ts';
import { type ImageRange, imagesOfSeverity, severityNotes } from './severity.ts';

/** Arrays of an .npz that hold images and labels, in the order they are looked for: Keras', others, and MedMNIST's. */
const PAIRS: Readonly<Record<Split, readonly (readonly [string, string])[]>> = {
  train: [
    ['x_train', 'y_train'],
    ['x', 'y'],
    ['images', 'labels'],
    ['train_images', 'train_labels'],
  ],
  test: [
    ['x_test', 'y_test'],
    ['x', 'y'],
    ['images', 'labels'],
    ['test_images', 'test_labels'],
  ],
};

/**
 * Images from an .npy (with `labels` another .npy) or both from an .npz: [N, C, H, W] or grey [N, H, W] floats in [0, 1] or bytes,
 * or bytes [N, H, W, C], where C is 1 or 3; labels [N] of any integer type. Without a classes.txt beside it the highest label
 * says how many classes there are. Throws DatasetError, or InputError where a file is no .npy or .npz.
 */
export async function readNpyDataset(spec: DatasetSpec<'npy'>, wholeBytes: number = WHOLE_BYTES): Promise<Dataset> {
  const { path, limit } = spec;
  const source = await sourceOf(spec);
  const location = await source.location();
  const large = location === undefined || location.size <= wholeBytes ? undefined : await openLargeNpy(location);
  if (large !== undefined) {
    const { range, facts } = await taken(spec, large, await source.labels(), source.notes);
    return imagesInFile(large, range, facts, limit);
  }
  const [imageTensor, labelTensor] = [await source.images(), await source.labels()];
  const images = imagesOf(imageTensor, path);
  const [count = 0] = imageTensor.dims;
  const { range, facts } = await taken(spec, { ...images, count }, labelTensor, source.notes);
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
  chosen: readonly Note[],
): Promise<{ range: ImageRange; facts: Omit<DatasetFacts, 'imageShape'> }> {
  const { severity, limit, path } = spec;
  const { labels, ...classes } = await labelled(tensor, count, { path, where: spec.labels ?? path });
  if (severity === undefined)
    return {
      range: { first: 0, count },
      facts: { labels, ...classes, notes: [...chosen, ...notes, ...severityNotes(labels, limit, path)] },
    };
  const range = imagesOfSeverity(labels, severity, path);
  return {
    range,
    facts: { labels: labels.slice(range.first, range.first + range.count), ...classes, notes: [...chosen, ...notes] },
  };
}

/** A larger array of images stays in its file: neither a function nor a job has memory for all of it. */
const WHOLE_BYTES = 256 * 2 ** 20;

/** Where the arrays of a data set are, and how each is read whole. */
interface ArraySource {
  /** Of the images; undefined where they can only be read whole. */
  readonly location: () => Promise<NpyLocation | undefined>;
  readonly images: () => Promise<Tensor>;
  readonly labels: () => Promise<Tensor>;
  /** Which of several arrays these are. */
  readonly notes: readonly Note[];
}

async function sourceOf(spec: DatasetSpec<'npy'>): Promise<ArraySource> {
  const { path, labels } = spec;
  const kind = fileKind(await readHead(path));
  if (kind === 'npz' || kind === 'zip') {
    if (labels === undefined) return sourceInNpz(path, spec.split);
    throw new DatasetError(`${path}: is an .npz, which holds its own labels; leave "labels" out`);
  }
  if (kind === 'npy') {
    if (labels === undefined)
      throw new DatasetError(`${path}: holds images only; name the .npy of their labels as "labels"`);
    return {
      location: async () => ({ path, where: path, start: 0, size: (await stat(path)).size }),
      images: () => readNpy(path),
      labels: () => readNpy(labels),
      notes: [],
    };
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

async function sourceInNpz(path: string, split: Split): Promise<ArraySource> {
  const { images, labels, notes } = await pairOfNpz(path, split);
  const read = async (name: string) => (await readNpz(path, new Set([name]))).get(name)!;
  return {
    location: async () => {
      const member = await npzMember(path, images);
      const where = `${path}: array "${images}"`;
      const { start } = member;
      if (start !== undefined) return { path, where, ...member, start };
      requireMemory(member, where);
      return undefined;
    },
    images: () => read(images),
    labels: () => read(labels),
    notes,
  };
}

/** The names of images and labels, and a note where others could be meant as well. */
async function pairOfNpz(
  path: string,
  split: Split,
): Promise<{ readonly images: string; readonly labels: string; readonly notes: readonly Note[] }> {
  const names = await npzNames(path);
  const [pair, ...others] = PAIRS[split].filter((wanted) => wanted.every((name) => names.includes(name)));
  if (pair !== undefined) return { images: pair[0], labels: pair[1], notes: otherPairs(path, pair, others) };
  const pairs = PAIRS[split].map((wanted) => wanted.join(' and ')).join(', or ');
  throw new DatasetError(
    `${path}: has no arrays ${pairs}; it holds ${names.slice(0, 12).join(', ') || 'nothing'}: ` +
      'save them as numpy.savez("images.npz", x=images, y=labels)',
  );
}

function otherPairs(path: string, pair: readonly string[], others: readonly (readonly string[])[]): Note[] {
  if (others.length === 0) return [];
  const left = others.map((other) => other.join(' and ')).join(', ');
  return [
    {
      code: 'npz-arrays',
      message: `of the arrays in ${path} ${pair.join(' and ')} are read; left out: ${left}. To have those, save them in a file of their own`,
    },
  ];
}
