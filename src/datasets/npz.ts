import { constants } from 'node:buffer';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { InputError, messageOf } from '../errors.ts';
import { decodeNpy } from '../numeric/npy.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { availableMemory } from '../stores/free-memory.ts';
import { MAX_DEFLATE_RATIO } from './files.ts';

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

/** Of zip's methods the one that leaves bytes as they are, numpy.savez's. */
const STORED = 0;

/** An array as the directory of its .npz has it. */
export interface NpzMember {
  /** Bytes of its .npy. */
  readonly size: number;
  /** Where that lies in the file; undefined where it is compressed. */
  readonly start: number | undefined;
  readonly crc32: number;
}

/** The array of this name, of several the last, as numpy takes it. Throws InputError where there is none, or the file is damaged. */
export async function npzMember(path: string, wanted: string): Promise<NpzMember> {
  const found = await eachArray(path, async (zip, entry, name): Promise<NpzMember[]> => {
    if (name !== wanted) return [];
    const { uncompressedSize: size, crc32 } = entry;
    const isStored = entry.compressionMethod === STORED && entry.compressedSize === size && !entry.isEncrypted();
    const start = isStored ? (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart : undefined;
    return [{ size, start, crc32 }];
  });
  const member = found.flat().at(-1);
  if (member !== undefined) return member;
  throw new InputError(`${path}: has no array "${wanted}"; get the file again`);
}

/**
 * Throws InputError where there is no memory for an array that can only be read whole; `free` is what there is of it, in bytes.
 */
export function requireMemory({ size }: NpzMember, where: string, free: number = availableMemory()): void {
  if (size <= free) return;
  const [needed, left] = [size, free].map((bytes) => `${(bytes / 1e9).toFixed(1)} GB`);
  throw new InputError(
    `${where}: takes ${needed} of memory, of which ${left} are free: numpy.savez_compressed's arrays are read whole. ` +
      'Not compressed they are read some images at a time: a = numpy.load(path); numpy.savez("images.npz", **a)',
  );
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
    const message = messageOf(cause);
    const way = /^unsupported compression/.test(message) ? 'write it anew with numpy.savez' : 'get the file again';
    throw new InputError(`${path}: not a readable .npz (${message}); ${way}`, { cause });
  }
}

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
