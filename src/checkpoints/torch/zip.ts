import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { CheckpointError } from '../../errors.ts';
import { DTYPES } from '../dtypes.ts';
import { quote, quoteSome } from '../messages.ts';
import type { ModuleAttribute } from '../module-info.ts';
import { Cursor } from '../pickle/cursor.ts';
import { unpickle } from '../pickle/unpickle.ts';
import type { ByteSource, MemoryBudget } from '../source.ts';
import { torchHost } from './references.ts';
import { classesIn, type ScriptClasses } from './script-code.ts';
import {
  LARGEST_PICKLE,
  MOST_STORAGES,
  missingStorage,
  type ReadStorage,
  type TorchFile,
  tooManyStorages,
} from './tensors.ts';

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

/**
 * PyTorch's format since 1.6: a zip archive with `<root>/data.pkl`, `<root>/data/<key>` for each storage, and
 * `<root>/byteorder`. TorchScript has the same records, and beside them a program, which is read as text. Reads the
 * pickle; storages follow on demand. Throws CheckpointError.
 */
export async function openTorchZip(source: ByteSource, budget: MemoryBudget): Promise<TorchFile> {
  const archive = await openArchive(source, budget);
  const root = findRoot(archive);
  const pickle = await archive.read(`${root}data.pkl`, LARGEST_PICKLE);
  const value = unpickle(new Cursor(pickle), torchHost(new Map()));
  const bigEndian = await isBigEndian(archive, root);
  const readStorage: ReadStorage = async ({ storage, dtype }, name) => {
    if (storage.length === 0) return new Uint8Array(0);
    const record = `${root}data/${storage.key}`;
    if (!archive.has(record)) throw missingStorage(name, record);
    const bytes = await archive.read(record);
    if (bigEndian) swapBytes(bytes, dtype);
    return bytes;
  };
  return { root: value, readStorage, classes: await scriptClasses(archive, root), notes: () => damageNotes(archive) };
}

/** Far more than a program of any network has. */
const LARGEST_CODE = 16 * 2 ** 20;
const MOST_CODE_FILES = 5000;

async function scriptClasses(archive: Archive, root: string): Promise<ScriptClasses> {
  const folder = `${root}code/`;
  const files = archive.names.filter((name) => name.startsWith(folder) && name.endsWith('.py'));
  if (files.length > MOST_CODE_FILES) throw new CheckpointError(`has ${files.length} files of code: it is hostile`);
  const classes = new Map<string, ReadonlyMap<string, ModuleAttribute>>();
  for (const name of files) {
    const text = Buffer.from(await archive.read(name, LARGEST_CODE)).toString('utf8');
    for (const [className, attributes] of classesIn(name.slice(folder.length), text))
      classes.set(className, attributes);
  }
  return classes;
}

/** The folder of `data.pkl` inside the archive, with its slash; '' at the top. */
function findRoot({ names }: Archive): string {
  const pickles = names.filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickles.length === 1) return pickles[0]!.slice(0, -'data.pkl'.length);
  if (pickles.length > 1) throw new CheckpointError(`holds several checkpoints, ${quoteSome(pickles, 3)}: unpack it`);
  throw new CheckpointError(
    `is a zip archive, but no PyTorch checkpoint: it holds ${quoteSome(names, 3) || 'nothing'}, no data.pkl`,
  );
}

async function isBigEndian(archive: Archive, root: string): Promise<boolean> {
  const name = `${root}byteorder`;
  if (!archive.has(name)) return false;
  const order = Buffer.from(await archive.read(name)).toString('latin1');
  if (order === 'little' || order === 'big') return order === 'big';
  throw new CheckpointError(`has the byte order ${quote(order)}: the file is damaged`);
}

/** By the bytes of an element. */
const SWAPS: ReadonlyMap<number, (buffer: Buffer) => Buffer> = new Map([
  [2, (buffer) => buffer.swap16()],
  [4, (buffer) => buffer.swap32()],
  [8, (buffer) => buffer.swap64()],
]);

/** Turns elements written on a big-endian machine around, in place; a torn last element is left. */
function swapBytes({ buffer, byteOffset, byteLength }: Uint8Array, dtype: string): void {
  const itemSize = DTYPES.get(dtype)?.itemSize ?? 1;
  SWAPS.get(itemSize)?.(Buffer.from(buffer, byteOffset, byteLength - (byteLength % itemSize)));
}

/** PyTorch can be told not to compute checksums, so a wrong one is no proof of damage. */
function damageNotes({ mismatches }: Archive): readonly string[] {
  if (mismatches.length === 0) return [];
  return [
    `${mismatches.length} records do not match their CRC-32 (${quoteSome(mismatches, 3)}): the file may be damaged`,
  ];
}
