import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Extract } from 'tar-stream';
import { DatasetError, messageOf } from '../errors.ts';
import { decodeText } from '../schemas/config-text/decode.ts';
import { fileError, readBytes } from './files.ts';

/** Files picked from an archive or a folder by name. */
export interface ArchiveMembers {
  readonly found: ReadonlyMap<string, Uint8Array>;
  /** Every name that is there, wanted or not, for error messages. */
  readonly names: readonly string[];
}

/** A file of the archive: its header, and its bytes as a stream. */
type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

/** Bytes that pass through at once: with Node's 16 KiB the 160 MB of CIFAR take several times as long. */
const CHUNK = 2 ** 20;

/** The largest member of a published archive, cifar-100-python's `train`, has 155 MB; a larger claim is refused. */
const MAX_MEMBER = 256 * 2 ** 20;

/** Reads the wanted files of a folder. Throws DatasetError where the folder or one of them cannot be read. */
export async function readFolder(path: string, wanted: ReadonlySet<string>): Promise<ArchiveMembers> {
  const names = await readdir(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  const found = new Map<string, Uint8Array>();
  for (const name of names) {
    if (wanted.has(name)) found.set(name, await readBytes(join(path, name)));
  }
  return { found, names: names.sort() };
}

/**
 * Reads the wanted files of a .tar.gz by their base names, whichever folder they are in, and unpacks nothing to disk.
 * Throws DatasetError where the archive is cut off, damaged, or no .tar.gz.
 */
export async function readTarGz(path: string, wanted: ReadonlySet<string>): Promise<ArchiveMembers> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  try {
    const [members] = await Promise.all([
      pickEntries(entries, wanted, path),
      pipeline(createReadStream(path, { highWaterMark: CHUNK }), createGunzip({ chunkSize: CHUNK }), entries),
    ]);
    return members;
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    const message = messageOf(cause);
    const way = NO_TAR.test(message)
      ? 'a file that is compressed alone has to be unpacked (gunzip)'
      : 'the download was cut off or damaged; get the file again';
    throw new DatasetError(`${path}: not a whole .tar.gz (${message}): ${way}`, { cause });
  }
}

/** What tar-stream says of what does not even begin as a tar. */
const NO_TAR = /^Invalid tar header/;

async function pickEntries(entries: Extract, wanted: ReadonlySet<string>, path: string): Promise<ArchiveMembers> {
  const found = new Map<string, Uint8Array>();
  const names: string[] = [];
  const places = new Map<string, string>();
  for await (const entry of entries) {
    const name = basename(entry.header.name);
    if (entry.header.type === 'file') names.push(name);
    if (!wanted.has(name)) {
      entry.resume();
      continue;
    }
    // The same path again is the newer one, as when it is unpacked.
    const other = places.get(name) ?? entry.header.name;
    if (other !== entry.header.name)
      throw new DatasetError(
        `${path}: holds "${other}" and "${entry.header.name}"; unpack it and give the folder of one`,
      );
    places.set(name, other);
    found.set(name, await readEntry(entry, `${path}: member "${entry.header.name}"`));
  }
  return { found, names };
}

async function readEntry(entry: Entry, where: string): Promise<Uint8Array> {
  const { size } = entry.header;
  if (size > MAX_MEMBER) throw new DatasetError(`${where}: ${size} bytes is more than any published archive holds`);
  return buffer(entry);
}

/** Names the classes of the images beside it, one a line in the order of the labels; wins over every other source. */
export const CLASSES_FILE = 'classes.txt';

/** The names in a text file, one a line; blank lines (the published files end in one) are none. Throws InputError where it is no text. */
export function namesIn(bytes: Uint8Array, where: string): string[] {
  const lines = decodeText(bytes, where).split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

/** The names in classes.txt, or undefined where there is none. Throws DatasetError where it holds no name. */
export function ownClassNames(found: ArchiveMembers['found'], where: string): string[] | undefined {
  const bytes = found.get(CLASSES_FILE);
  if (bytes === undefined) return undefined;
  const names = namesIn(bytes, `${where}: ${CLASSES_FILE}`);
  if (names.length > 0) return names;
  throw new DatasetError(`${where}: ${CLASSES_FILE} holds no class name; write one a line, or remove it`);
}

/** The wanted files of the folder that `path` is in. Throws DatasetError where one cannot be read. */
export async function readBeside(path: string, wanted: readonly string[]): Promise<ArchiveMembers['found']> {
  const { found } = await readFolder(dirname(path), new Set(wanted.filter((name) => name !== basename(path))));
  return found;
}
