import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DatasetError } from '../../errors.ts';
import type { DatasetSpec, Split } from '../dataset.ts';
import { fileError, isFolder } from '../files.ts';

/** The two files of a set, and whether the one of labels was found, not named. */
export interface IdxFiles {
  readonly images: string;
  readonly labels: string;
  readonly isFound: boolean;
}

/** What published files of a split begin with, after the data set's name: MNIST calls its test set after its 10,000 images. */
const SPLIT_NAMES: Readonly<Record<Split, string>> = { train: 'train', test: 't10k|test' };

/** Unpackers write "t10k-images.idx3-ubyte" as well as "t10k-images-idx3-ubyte". */
const IMAGES = /images[-.]idx3[-.]ubyte(?:\.gz)?$/;

/**
 * The file of images at `path`, or the only one of the split where it is a folder, and that of its labels: as named, else the one beside it
 * of the same name with "labels-idx1". Throws DatasetError where there is none, or several could be meant.
 */
export async function idxFiles({ path, split, labels }: DatasetSpec<'idx'>): Promise<IdxFiles> {
  const images = (await isFolder(path)) ? await imagesIn(path, split) : path;
  if (labels !== undefined) return { images, labels, isFound: false };
  return { images, labels: await labelsBeside(images), isFound: true };
}

async function imagesIn(folder: string, split: Split): Promise<string> {
  const ofSplit = new RegExp(`(?:^|[-_.])(?:${SPLIT_NAMES[split]})[-_.]images`);
  const names = (await namesIn(folder)).filter((name) => IMAGES.test(name) && ofSplit.test(name));
  // Downloads stay beside what was unpacked of them.
  const sets = new Map(
    names
      .sort()
      .reverse()
      .map((name) => [plain(name), name]),
  );
  const [name] = sets.values();
  if (name !== undefined && sets.size === 1) return join(folder, name);
  const found = name === undefined ? 'none' : [...sets.values()].reverse().join(', ');
  throw new DatasetError(
    `${folder}: images of the ${split} set (such as t10k-images-idx3-ubyte): ${found}; give the file itself`,
  );
}

async function labelsBeside(images: string): Promise<string> {
  const name = basename(images);
  const wanted = plain(name).replace('images-idx3', 'labels-idx1');
  const found = IMAGES.test(name) ? (await namesIn(dirname(images))).filter((other) => plain(other) === wanted) : [];
  const [first] = found.sort();
  if (first !== undefined) return join(dirname(images), first);
  throw new DatasetError(
    `${images}: there are no labels beside it (${IMAGES.test(name) ? wanted : 'such as t10k-labels-idx1-ubyte'}); ` +
      'name their file: "testLabels" and "probeLabels" in a config, else --labels',
  );
}

/** A name as it is published, unpacked. */
function plain(name: string): string {
  return name.replace(/\.gz$/, '').replace(/[-.](idx\d)[-.]ubyte$/, '-$1-ubyte');
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    throw fileError(folder, cause);
  });
}
