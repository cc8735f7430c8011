import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../contracts/errors.ts';
import { FileStore } from '../stores/file-store.ts';
import { openStore, type StoreSpec } from '../stores/open.ts';
import type { Store } from '../stores/store.ts';

/** Where a command keeps or finds files: a folder, or a part of a bucket. */
export interface Place {
  readonly spec: StoreSpec;
  readonly store: Store;
  /** The path or URI of one of its files, for people. */
  readonly where: (key: string) => string;
}

/** What a user names by a folder's path or by `s3://bucket/prefix`. Throws InputError for a URI that names no bucket and for a file. */
export async function placeOf(path: string): Promise<Place> {
  const spec = specOf(path);
  const store = await openStore(spec);
  if (spec.kind === 'folder') return { spec, store, where: (key) => join(spec.root, key) };
  return { spec, store, where: (key) => `s3://${spec.bucket}/${spec.prefix}${key}` };
}

/** A part of a place, a folder deeper. */
export function placeWithin(path: string, folder: string): Promise<Place> {
  return placeOf(`${path.replace(/\/+$/, '')}/${folder}`);
}

/** The folder of a command that writes on this machine only. Throws InputError for a URI or a file. */
export function folderOf(path: string, option: string): FileStore {
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

export function isUri(path: string): boolean {
  return path.startsWith('s3://');
}
