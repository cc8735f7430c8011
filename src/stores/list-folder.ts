import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RunError } from '../errors.ts';
import type { StoreSpec } from './open.ts';
import type { FolderListing, ListedFile } from './store.ts';

/**
 * What lies in a folder of a store, which is named without "/" at its end; '' is the store itself. Links are left out, so that what is
 * listed lies within. A folder that is not there, or that its reader may not look into, holds nothing. Throws RunError where the
 * file system or S3 refuses otherwise. The AWS SDK is loaded for buckets alone.
 */
export async function listFolder(spec: StoreSpec, folder: string): Promise<FolderListing> {
  if (spec.kind === 'folder') return listLocal(join(spec.root, folder));
  const { listPrefix } = await import('./s3/list-prefix.ts');
  return listPrefix(spec.bucket, folder === '' ? spec.prefix : `${spec.prefix}${folder}/`);
}

const NOTHING = ['ENOENT', 'EACCES', 'EPERM'];

async function listLocal(path: string): Promise<FolderListing> {
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && NOTHING.includes(String(cause.code))) return [];
    throw new RunError(`cannot list ${path}: ${messageOf(cause)}`, { cause });
  });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const files = await Promise.all(names.map((name) => listedFile(path, name)));
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return { files: files.flatMap((file) => file ?? []), folders: folders.sort() };
}

/** undefined for one that has gone in the meantime, as files do that are being written. */
async function listedFile(path: string, name: string): Promise<ListedFile | undefined> {
  const stats = await stat(join(path, name)).catch(() => undefined);
  return stats && { name, modified: stats.mtime };
}
