import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InputError, messageOf, RunError } from '../contracts/errors.ts';
import { localPath } from '../stores/localise.ts';
import { isUri, placeOf } from './places.ts';

/** Reads a text file the user named by path or URI. Throws InputError where it cannot be read. */
export async function readText(path: string): Promise<string> {
  return readFile(await localPath(path), 'utf8').catch((cause: unknown) => {
    throw new InputError(
      isFolderError(cause) ? `${path} is a folder: give a file` : `cannot read ${path}: ${messageOf(cause)}`,
      { cause },
    );
  });
}

/** Writes a file the user asked for, with the folders it needs. Throws RunError where the file system or S3 refuses, InputError for a folder. */
export async function writeOutput(path: string, bytes: Uint8Array | string): Promise<void> {
  if (isUri(path)) {
    const [, folder, name] = /^(s3:\/\/[^/]+(?:\/.*)?)\/([^/]+)$/.exec(path) ?? [];
    if (folder === undefined || name === undefined) throw new InputError(`"${path}" is no s3://bucket/key`);
    return (await placeOf(folder)).store.put(name, bytes);
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
  } catch (cause) {
    if (isFolderError(cause)) throw new InputError(`${path} is a folder: give a file`, { cause });
    throw new RunError(`cannot write ${path}: ${messageOf(cause)}`, { cause });
  }
}

function isFolderError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EISDIR';
}

/** A line for the reader. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
