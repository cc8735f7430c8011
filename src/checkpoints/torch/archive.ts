import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { CheckpointError } from '../../contracts/errors.ts';
import type { MemoryBudget } from '../budget.ts';
import { quote } from '../messages.ts';
import type { ByteSource } from '../source.ts';
import { MOST_STORAGES, tooManyStorages } from './file.ts';

const inflate = promisify(inflateRaw);
const STORED = 0;
const DEFLATED = 8;

/** The records of a zip file, read one at a time. */
export interface Archive {
  readonly names: readonly string[];
  has(name: string): boolean;
  /** A record's bytes. Throws CheckpointError where it is missing, damaged, or larger than `most` bytes. */
  read(name: string, most?: number): Promise<Uint8Array>;
  /** Records read so far whose CRC-32 is not what the directory says. */
  readonly mismatches: readonly string[];
}

/** Reads the directory of a zip file (zip64 included). Throws CheckpointError where it is damaged. */
export async function openArchive(source: ByteSource, budget: MemoryBudget): Promise<Archive> {
  const entries = new Map<string, Entry>();
  const mismatches: string[] = [];
  const zip = await unzipped(() =>
    fromRandomAccessReaderPromise(new SourceReader(source), source.size, { autoClose: false }),
  );
  await unzipped(() => readDirectory(zip, entries));
  const read = async (name: string, most = Number.POSITIVE_INFINITY) => {
    const entry = entries.get(name);
    if (entry === undefined) throw new CheckpointError(`has no record ${quote(name)}: fetch the file again`);
    if (entry.uncompressedSize > most) {
      throw new CheckpointError(
        `record ${quote(name)} has ${entry.uncompressedSize} bytes, more than any checkpoint's`,
      );
    }
    const bytes = await readEntry(zip, entry, source, budget);
    if (crc32(bytes) !== entry.crc32) mismatches.push(name);
    return bytes;
  };
  return { names: [...entries.keys()], has: (name) => entries.has(name), read, mismatches };
}

async function readDirectory(zip: ZipFile, entries: Map<string, Entry>): Promise<void> {
  if (zip.entryCount > MOST_STORAGES) throw tooManyStorages(zip.entryCount);
  for await (const entry of zip.eachEntry()) {
    // Two records of one name would let two readers see two different checkpoints in one file.
    if (entries.has(entry.fileName)) {
      throw new CheckpointError(`has two records named ${quote(entry.fileName)}: it is damaged or hostile`);
    }
    entries.set(entry.fileName, entry);
  }
}

async function readEntry(zip: ZipFile, entry: Entry, source: ByteSource, budget: MemoryBudget): Promise<Uint8Array> {
  const name = quote(entry.fileName);
  if (entry.isEncrypted()) {
    throw new CheckpointError(`record ${name} is encrypted: save the checkpoint without a password`);
  }
  budget.charge(entry.compressedSize + entry.uncompressedSize, `record ${name}`);
  const { fileDataStart } = await unzipped(() => zip.readLocalFileHeaderPromise(entry, { minimal: true }));
  const packed = await source.read(fileDataStart, entry.compressedSize);
  if (entry.compressionMethod === STORED) return packed;
  if (entry.compressionMethod !== DEFLATED) {
    throw new CheckpointError(
      `record ${name} is compressed by method ${entry.compressionMethod}: zip it without compression`,
    );
  }
  const bytes = await unzipped(() => inflate(packed, { maxOutputLength: Math.max(1, entry.uncompressedSize) }));
  if (bytes.length === entry.uncompressedSize) return new Uint8Array(bytes);
  throw new CheckpointError(`record ${name} is cut short: fetch the file again`);
}

/** Errors of the zip and zlib libraries as CheckpointError; ours pass through. */
async function unzipped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`is a zip archive that is cut short or damaged: fetch the file again`, { cause: error });
  }
}

/** yauzl reads a directory entry by entry, a hundred bytes each; this many are fetched at a time. */
const READ_AHEAD = 4096;

/** Gives yauzl the source to read from. */
class SourceReader extends RandomAccessReader {
  readonly #source: ByteSource;
  #ahead: { readonly start: number; readonly bytes: Uint8Array } = { start: 0, bytes: new Uint8Array(0) };

  constructor(source: ByteSource) {
    super();
    this.#source = source;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#fetch(position, length).then((bytes) => {
      buffer.set(bytes, offset);
      callback(null);
    }, callback);
  }

  async #fetch(position: number, length: number): Promise<Uint8Array> {
    if (length > READ_AHEAD) return this.#source.read(position, length);
    const { start, bytes } = this.#ahead;
    if (position < start || position + length > start + bytes.length) {
      const available = Math.max(length, Math.min(READ_AHEAD, this.#source.size - position));
      this.#ahead = { start: position, bytes: await this.#source.read(position, available) };
    }
    return this.#ahead.bytes.subarray(position - this.#ahead.start, position - this.#ahead.start + length);
  }
}
