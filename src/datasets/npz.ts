import { constants } from 'node:buffer';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { InputError, messageOf } from '../errors.ts';
import { decodeNpy } from '../numeric/npy.ts';
import type { Tensor } from '../numeric/tensor.ts';

/** Names of the arrays of a .npz file. Throws InputError where it is no zip, is cut off or damaged. */
export function npzNames(path: string): Promise<string[]> {
  return eachArray(path, async (_zip, _entry, name) => name);
}

/**
 * Reads the arrays of a .npz file (a zip of .npy files, stored or deflated) by name; with `only`, just those. Throws
 * InputError where the file is no zip, is cut off or damaged, or holds something that is no .npy.
 */
export async function readNpz(path: string, only?: ReadonlySet<string>): Promise<Map<string, Tensor>> {
  const arrays = await eachArray(path, async (zip, entry, name): Promise<[string, Tensor][]> => {
    if (only !== undefined && !only.has(name)) return [];
    const where = `${path}: array "${name}"`;
    return [[name, decodeNpy(await readEntry(zip, entry, where), where)]];
  });
  return new Map(arrays.flat());
}

async function eachArray<T>(
  path: string,
  work: (zip: ZipFile, entry: Entry, name: string) => Promise<T>,
): Promise<T[]> {
  try {
    const zip = await yauzl.openPromise(path);
    const results: T[] = [];
    for await (const entry of zip.eachEntry())
      results.push(await work(zip, entry, entry.fileName.replace(/\.npy$/, '')));
    return results;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${path}: not a readable .npz (${messageOf(cause)}); get the file again`, { cause });
  }
}

/** Deflate cannot shrink more than this (https://zlib.net/zlib_tech.html): a larger claim is a lie, not data. */
const MAX_DEFLATE_RATIO = 1032;

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
