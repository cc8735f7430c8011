import { constants } from 'node:buffer';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { InputError, messageOf } from '../contracts/errors.ts';
import { decodeNpy } from './npy.ts';
import type { Tensor } from './tensor.ts';

/** Deflate cannot shrink more than this (https://zlib.net/zlib_tech.html): a larger claim is a lie, not data. */
const MAX_DEFLATE_RATIO = 1032;

/**
 * Reads the arrays of a .npz file (a zip of .npy files, stored or deflated) by name; with `only`, just those. Throws
 * InputError where the file is no zip, is cut off or damaged, or holds something that is no .npy.
 */
export async function readNpz(path: string, only?: ReadonlySet<string>): Promise<Map<string, Tensor>> {
  try {
    const zip = await yauzl.openPromise(path);
    const tensors = new Map<string, Tensor>();
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName.replace(/\.npy$/, '');
      if (only !== undefined && !only.has(name)) continue;
      const where = `${path}: array "${name}"`;
      tensors.set(name, decodeNpy(await readEntry(zip, entry, where), where));
    }
    return tensors;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${path}: not a readable .npz (${messageOf(cause)}); get the file again`, { cause });
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
