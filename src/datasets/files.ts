import { constants } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import { DatasetError, messageOf } from '../errors.ts';
import { FILE_HEAD } from '../numeric/file-kinds.ts';
import { insteadOfMissing } from '../numeric/missing-path.ts';

/** One read call takes at most 2 GiB; this much at a time is as fast. */
const CHUNK = 64 * 2 ** 20;

/** Deflate cannot shrink more than this (https://zlib.net/zlib_tech.html): a larger claim is a lie, not data. */
export const MAX_DEFLATE_RATIO = 1032;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder; check the path',
  EACCES: 'permission denied; make it readable',
  ENOTDIR: 'a part of the path is a file, not a folder; check the path',
  ENAMETOOLONG: 'the path is longer than any that a file can have; check it',
  ELOOP: 'is a link that leads back to itself; remove it',
};

/** The error of a file that could not be read. */
export function fileError(path: string, cause: unknown): DatasetError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const instead = code === 'ENOENT' ? insteadOfMissing(path) : undefined;
  return new DatasetError(`${path}: ${instead ?? REASONS[code] ?? messageOf(cause)}`, { cause });
}

/** Throws DatasetError where there is neither a file nor a folder. */
export async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  return stats.isDirectory();
}

/** The first bytes of a file, which tell its kind; fewer where it is shorter. Throws DatasetError where it cannot be read. */
export async function readHead(path: string): Promise<Uint8Array> {
  return readFirst(path, FILE_HEAD);
}

/** A whole file of up to 4 GiB (fs.readFile stops at 2), or its first bytes. Throws DatasetError where it cannot be read. */
export async function readBytes(path: string, most = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
  return readFirst(path, most);
}

async function readFirst(path: string, most: number): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const stats = await file.stat();
    if (!stats.isFile()) throw new DatasetError(`${path}: is a folder or a device; give a file`);
    const size = Math.min(stats.size, most);
    if (size > constants.MAX_LENGTH) throw new DatasetError(`${path}: too large to be read; split it in several`);
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await file.read(bytes, length, Math.min(size - length, CHUNK));
      if (bytesRead === 0) throw new DatasetError(`${path}: became shorter while it was read; try again`);
      length += bytesRead;
    }
    return bytes;
  } catch (cause) {
    throw cause instanceof DatasetError ? cause : fileError(path, cause);
  }
}
