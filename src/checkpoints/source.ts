import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError, messageOf } from '../errors.ts';
import { insteadOfMissing } from '../numeric/missing-path.ts';

/** Random access to bytes: a file, or memory in tests. */
export interface ByteSource {
  /** Bytes in all. */
  readonly size: number;
  /** A fresh, aligned copy of `length` bytes from `offset`. Throws CheckpointError where they do not all exist. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/** Node reads at most 2 GiB in one call. */
const LARGEST_READ = 2 ** 30;
const HASH_CHUNK = 4 * 2 ** 20;

const OPEN_FAILURES: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file'],
  ['ENOTDIR', 'no such file'],
  ['EACCES', 'no permission to read it'],
  ['EPERM', 'no permission to read it'],
]);

/** Opens a regular file. Throws CheckpointError for a missing, forbidden or empty file, a directory or a device. */
export async function openFile(path: string): Promise<FileSource> {
  const handle = await openHandle(path);
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw new CheckpointError('is a directory: give the checkpoint file in it');
    if (!stats.isFile()) throw new CheckpointError('is not a regular file');
    return {
      size: stats.size,
      read: (offset, length) => readAt(handle, stats.size, offset, length),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openHandle(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const instead = code === 'ENOENT' ? insteadOfMissing(path) : undefined;
    throw new CheckpointError(instead ?? OPEN_FAILURES.get(code) ?? messageOf(error), { cause: error });
  }
}

async function readAt(handle: FileHandle, size: number, offset: number, length: number): Promise<Uint8Array> {
  checkRange(size, offset, length);
  // Not zero-filled, every byte is read; and not from Node's pool, whose slices are not aligned for float32 views.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, LARGEST_READ), offset + done);
    if (bytesRead === 0) throw new CheckpointError('became shorter while it was read');
    done += bytesRead;
  }
  return bytes;
}

/** The same access to bytes in memory. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (offset, length) => {
      checkRange(bytes.length, offset, length);
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
  };
}

function checkRange(size: number, offset: number, length: number): void {
  const exists = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (exists && offset + length <= size) return;
  throw new CheckpointError(
    `points at byte ${offset} + ${length}, but the file has ${size} bytes: it is cut short or damaged`,
  );
}

/** SHA-256 of the whole source in hex, in chunks of a few megabytes. */
export async function sha256(source: ByteSource): Promise<string> {
  const hash = createHash('sha256');
  for (let offset = 0; offset < source.size; offset += HASH_CHUNK) {
    hash.update(await source.read(offset, Math.min(HASH_CHUNK, source.size - offset)));
  }
  return hash.digest('hex');
}

/** Reading float16 weights that are not contiguous holds the file, a reordered copy and float32 values: 4 bytes per byte. */
const BYTES_PER_FILE_BYTE = 8;
const ALWAYS_GRANTED = 32 * 2 ** 20;

/**
 * What one file may make us allocate. Sizes inside a checkpoint are claims: a few bytes can ask for terabytes (expanded
 * tensors, compressed or overlapping zip records), so every large allocation is charged here first.
 */
export class MemoryBudget {
  #left: number;

  /** `fileSize` in bytes. */
  constructor(fileSize: number) {
    this.#left = ALWAYS_GRANTED + BYTES_PER_FILE_BYTE * fileSize;
  }

  /** Takes `bytes` for `what`; throws CheckpointError once the file has asked for more than it can account for. */
  charge(bytes: number, what: string): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw new CheckpointError(
      `${what} asks for ${bytes} bytes, far more than the file can hold: it is damaged or hostile`,
    );
  }
}
