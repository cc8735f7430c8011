import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatasetError } from '../errors.ts';
import { rememberedDigest } from '../stores/file-digest.ts';
import { CIFAR10, CIFAR100 } from './cifar.ts';
import type { DatasetSpec } from './dataset.ts';
import { fileError, isFolder } from './files.ts';
import { idxFiles } from './idx/idx-files.ts';
import { indexImages } from './image/index-images.ts';
import { requireWholeImage } from './image/whole-file.ts';
import { shardsOf } from './parquet/shards.ts';

/** The files of an extracted CIFAR folder that hold images and labels; a readme more or less is the same dataset. */
const MEMBERS = new Set(
  [CIFAR10, CIFAR100]
    .flatMap(({ binary, python }) => [binary, python])
    .flatMap(({ members }) => [...members.train, ...members.test]),
);

/**
 * Identity of the images and labels a spec asks for: that of its files, where those are taken as they are, and of the severity and the
 * sample as well where one is picked. Of an image folder only the images asked for count. Throws DatasetError.
 */
export async function datasetDigest(spec: DatasetSpec): Promise<string> {
  if (spec.format === 'imagefolder') {
    // What is remembered of an archive holds for one list of its images.
    const list = spec.list === undefined ? '' : await digestOf(spec.list);
    return rememberedDigest(`${JSON.stringify(spec)} ${list}`, spec.path, () => digestOfImages(spec));
  }
  const files = await digestOfFormat(spec);
  const { sample } = spec;
  if (sample === undefined) return files;
  // Drawn from each class: which images a sample has hangs on the labels, whichever file they are in.
  const labels = spec.format === 'npy' && spec.labels !== undefined ? [await digestOf(spec.labels)] : [];
  return createHash('sha256')
    .update(`${[files, ...labels, sample.fraction, sample.seed].join(' ')}\n`)
    .digest('hex');
}

async function digestOfFormat(spec: Exclude<DatasetSpec, { format: 'imagefolder' }>): Promise<string> {
  if (spec.format === 'parquet') return digestOfParquet(spec);
  if (spec.format === 'idx') return digestOfIdx(spec);
  const file = await digestOf(spec.path);
  if (spec.format !== 'npy' || spec.severity === undefined) return file;
  return createHash('sha256').update(`${file} severity ${spec.severity}\n`).digest('hex');
}

/** Both files, whether the labels were named or found. */
async function digestOfIdx(spec: DatasetSpec<'idx'>): Promise<string> {
  const { images, labels } = await idxFiles(spec);
  const digests = [await digestOf(images), await digestOf(labels)];
  return createHash('sha256')
    .update(`idx ${digests.join(' ')}\n`)
    .digest('hex');
}

/** The preprocessing and the columns, then every file: the name of a shard does not count, its place does. */
async function digestOfParquet(spec: DatasetSpec<'parquet'>): Promise<string> {
  const { preprocessing = 'none', imageColumn = '', labelColumn = '' } = spec;
  const hash = createHash('sha256').update(`parquet ${JSON.stringify([preprocessing, imageColumn, labelColumn])}\n`);
  for (const file of (await shardsOf(spec)).paths) hash.update(`${await digestOf(file)}\n`);
  return hash.digest('hex');
}

/**
 * The preprocessing, then each image's path in the folder, label, size and bytes, in order: a folder and an archive of it are
 * the same dataset. Reading ImageNet's validation set (6.7 GB) for it takes a minute or less, its evaluation reads and decodes
 * each image at least once anyway, and by names and sizes alone a re-encoded or damaged copy could pass for the original. Throws
 * DatasetError for the first image that is not whole.
 */
async function digestOfImages(spec: DatasetSpec<'imagefolder'>): Promise<string> {
  const { images, read } = await indexImages(spec);
  const hash = createHash('sha256').update(`imagefolder ${spec.preprocessing ?? 'none'}\n`);
  for (const { name, label, size } of images) {
    const bytes = await read(name);
    requireWholeImage(bytes, `${spec.path}: ${name}`);
    hash.update(`${name} ${label} ${size}\n`).update(bytes);
  }
  return hash.digest('hex');
}

/**
 * Content identity of a file or CIFAR folder: the SHA-256 in hex of a file, as sha256sum prints it, or of a CIFAR folder's files in
 * the order of their names, each after its name and size. Throws DatasetError where something cannot be read.
 */
export function digestOf(path: string): Promise<string> {
  return rememberedDigest(path, path, () => digestOfFiles(path));
}

async function digestOfFiles(path: string): Promise<string> {
  const hash = createHash('sha256');
  if (!(await isFolder(path))) {
    await addFile(hash, path);
    return hash.digest('hex');
  }
  const names = (await readdir(path)).filter((name) => MEMBERS.has(name)).sort();
  if (names.length === 0) throw new DatasetError(`${path}: holds no file of a dataset igd knows; give its folder`);
  for (const name of names) {
    const file = join(path, name);
    // With the size in front, bytes that move from one file to the next make another dataset.
    hash.update(`${name} ${(await stat(file)).size}\n`);
    await addFile(hash, file);
  }
  return hash.digest('hex');
}

async function addFile(hash: Hash, path: string): Promise<void> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  } catch (cause) {
    throw fileError(path, cause);
  }
}
