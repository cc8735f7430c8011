import { existsSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { hasCode, InputError, messageOf } from '../errors.ts';
import { insteadOfMissing } from '../numeric/missing-path.ts';
import { decodeText } from '../schemas/config-text/decode.ts';
import { readConfig } from '../schemas/config-text/read.ts';
import { writeError } from '../stores/disk-error.ts';
import { FileStore } from '../stores/folder-store.ts';
import { makeFolder } from '../stores/make-folder.ts';
import { localPath, openStore, type StoreSpec } from '../stores/open.ts';
import type { Store } from '../stores/store.ts';

/** Where a command keeps or finds files: a folder, or a part of a bucket. */
export interface StorageLocation {
  readonly spec: StoreSpec;
  readonly store: Store;
  /** The path or URI of one of its files, for people. */
  readonly where: (key: string) => string;
}

/** What a user names by a folder's path or by `s3://bucket/prefix`. Throws InputError for a URI that names no bucket and for a file. */
export async function storageLocation(path: string): Promise<StorageLocation> {
  const spec = specOf(path);
  const store = await openStore(spec);
  if (spec.kind === 'folder') return { spec, store, where: (key) => join(spec.root, key) };
  return { spec, store, where: (key) => `s3://${spec.bucket}/${spec.prefix}${key}` };
}

/** A part of a place, a folder deeper. */
export function storageWithin(path: string, folder: string): Promise<StorageLocation> {
  return storageLocation(`${path.replace(/\/+$/, '')}/${folder}`);
}

/** The folder of a command that writes on this machine only. Throws InputError for a URI or a file. */
export function localFolder(path: string, option: string): FileStore {
  if (isUri(path))
    throw new InputError(`${option} ${path}: give a folder on this machine; "aws s3 cp" copies it from there`);
  return new FileStore(rootOf(path));
}

function specOf(path: string): StoreSpec {
  if (!isUri(path)) return { kind: 'folder', root: rootOf(path) };
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)(?:\/+(.*?)\/*)?$/.exec(path) ?? [];
  if (bucket === undefined) throw new InputError(`"${path}" names no bucket: give s3://bucket/prefix`);
  return { kind: 's3', bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

function rootOf(path: string): string {
  // A path below a file cannot be a folder either.
  for (let at = resolve(path); dirname(at) !== at; at = dirname(at)) {
    if (!existsSync(at)) continue;
    if (statSync(at).isFile()) throw new InputError(`${at} is a file: give a folder`);
    break;
  }
  return resolve(path);
}

function isUri(path: string): boolean {
  return path.startsWith('s3://');
}

/** Reads a text file the user named by path or URI. Throws InputError where it cannot be read. */
export async function readText(path: string): Promise<string> {
  return decodeText(await readBytes(path), path);
}

/** The JSON of a config, whatever it is written in. Throws InputError where it cannot be read. */
export async function readConfigJson(path: string): Promise<string> {
  return JSON.stringify(await readConfig(await readBytes(path), path));
}

async function readBytes(path: string): Promise<Uint8Array> {
  return readFile(await localPath(path)).catch((cause: unknown) => {
    const why = insteadOfMissing(path) ?? messageOf(cause);
    throw new InputError(
      hasCode(cause, 'EISDIR') ? `${path} is a folder: give a file` : `cannot read ${path}: ${why}`,
      {
        cause,
      },
    );
  });
}

/** Writes a file the user asked for, with the folders it needs. Throws RunError where the file system or S3 refuses, InputError for a folder. */
export async function writeOutput(path: string, bytes: Uint8Array | string): Promise<void> {
  if (isUri(path)) {
    const [, folder, name] = /^(s3:\/\/[^/]+(?:\/.*)?)\/([^/]+)$/.exec(path) ?? [];
    if (folder === undefined || name === undefined) throw new InputError(`"${path}" is no s3://bucket/key`);
    return (await storageLocation(folder)).store.put(name, bytes);
  }
  try {
    await makeFolder(dirname(path));
    await writeFile(path, bytes);
  } catch (cause) {
    if (hasCode(cause, 'EISDIR')) throw new InputError(`${path} is a folder: give a file`, { cause });
    // The folder is there, and takes no file of this name: /proc, or a link to nothing.
    if (hasCode(cause, 'ENOENT'))
      throw new InputError(`cannot write ${path}: no file can be made there; give another place`, { cause });
    throw writeError(path, cause);
  }
}

export { print } from './output.ts';
