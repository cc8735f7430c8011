import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatasetError } from '../contracts/errors.ts';
import { CIFAR10 } from './cifar10.ts';
import { CIFAR100 } from './cifar100.ts';
import { fileError, isFolder } from './files.ts';

/** The files of an extracted CIFAR folder that hold images and labels; a readme more or less is the same dataset. */
const MEMBERS = new Set(
  [CIFAR10, CIFAR100]
    .flatMap(({ binary, python }) => [binary, python])
    .flatMap(({ members }) => [...members.train, ...members.test]),
);

/**
 * Content identity of a dataset: the SHA-256 in hex of a file, as sha256sum prints it, or of a CIFAR folder's files in
 * the order of their names, each after its name and size. Throws DatasetError where something cannot be read.
 */
export async function digestOf(path: string): Promise<string> {
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
