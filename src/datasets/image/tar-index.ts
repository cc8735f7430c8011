import { type FileHandle, open } from 'node:fs/promises';
import { DatasetError } from '../../errors.ts';
import { fileError } from '../files.ts';

/** A file in a tar archive, and where its bytes start. */
export interface TarMember {
  readonly name: string;
  readonly size: number;
  readonly offset: number;
}

export interface TarIndex {
  readonly folders: readonly string[];
  readonly members: readonly TarMember[];
}

/** A tar is made of blocks of this size; a header is one. */
const BLOCK = 512;

/** Where the fields of a header are, and how long. https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 */
const FIELDS = {
  name: [0, 100],
  size: [124, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 5],
  prefix: [345, 155],
} as const;

/** Longest name or pax record that is believed. */
const MAX_META = 2 ** 20;

/** Members that say something of those that follow, but nothing that is needed here: global pax records, a link's target. */
const OF_NO_USE = new Set(['g', 'K']);

/** Hard and symbolic links: tar writes the first for files it has met before, and to pass over them would lose images. */
const LINKS = new Set(['1', '2']);
/** Old systems' word for a file whose bytes lie together; POSIX reads it as any other. */
const FILES = new Set(['0', '', '7']);

const WITHOUT_LINKS = 'pack the files themselves (tar --dereference --hard-dereference -cf ...)';

/** What a header may say of the member that follows it, instead of that one's own header. */
interface Overrides {
  readonly path?: string | undefined;
  readonly size?: number | undefined;
  /** GNU tar leaves out zeros, and says in records of its own where they were. */
  readonly isSparse?: boolean;
}

/**
 * Where each file of an uncompressed tar archive is: headers are read, contents skipped, nothing is unpacked. A member of
 * the same name later in the archive replaces the earlier, as it would when unpacked. Throws DatasetError.
 */
export async function indexTar(path: string): Promise<TarIndex> {
  const folders = new Set<string>();
  const members = new Map<string, TarMember>();
  try {
    await using file = await open(path);
    const { size: end } = await file.stat();
    let overrides: Overrides = {};
    for (let at = 0; ; ) {
      const header = await readAt(file, at, BLOCK);
      if (header.length < BLOCK) throw damaged(path, 'its end is missing');
      if (isEnd(header)) {
        await requireEnd(file, at, path);
        break;
      }
      if (!checksumHolds(header)) throw damaged(path, `no header at byte ${at}`);
      const type = text(header, FIELDS.type);
      const size = overrides.size ?? sizeField(header);
      const offset = at + BLOCK;
      at = offset + Math.ceil(size / BLOCK) * BLOCK;
      if (offset + size > end) throw damaged(path, `it ends within "${overrides.path ?? nameOf(header)}"`);
      if (type === 'L' || type === 'x') {
        if (size > MAX_META) throw damaged(path, `a name of ${size} bytes`);
        overrides = { ...overrides, ...metaOf(type, await readAt(file, offset, size)) };
        continue;
      }
      if (OF_NO_USE.has(type)) continue;
      const name = tidy(overrides.path ?? nameOf(header));
      if (type === 'S' || overrides.isSparse === true)
        throw new DatasetError(`${path}: "${name}" is packed without its zeros; pack it anew without --sparse (-S)`);
      overrides = {};
      if (LINKS.has(type)) throw new DatasetError(`${path}: "${name}" is a link; ${WITHOUT_LINKS}`);
      if (type === '5' && name !== '') folders.add(name);
      if (FILES.has(type)) members.set(name, { name, size, offset });
    }
  } catch (cause) {
    throw cause instanceof DatasetError ? cause : fileError(path, cause);
  }
  return { folders: withParents(folders, members.keys()), members: [...members.values()] };
}

function isEnd(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** Zeros that are looked at behind the end: tar fills its last record of 20 blocks. */
const TAIL = 40 * BLOCK;

/** Throws DatasetError where another archive follows the end at `at`: readers stop there, and its images would be missing without a word. */
async function requireEnd(file: FileHandle, at: number, path: string): Promise<void> {
  const tail = await readAt(file, at, TAIL);
  for (let next = BLOCK; next + BLOCK <= tail.length; next += BLOCK) {
    const block = tail.subarray(next, next + BLOCK);
    if (isEnd(block)) continue;
    if (!checksumHolds(block)) return;
    throw new DatasetError(
      `${path}: is several tar archives in one file; unpack it (tar --ignore-zeros -xf ...), and pack the folder anew`,
    );
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** What 'L' (GNU: the bytes are the name) and 'x' (pax: lines "length key=value") say. */
function metaOf(type: 'L' | 'x', bytes: Uint8Array): Overrides {
  if (type === 'L') return { path: text(bytes, [0, bytes.length]) };
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const [head, length] = /^(\d+) /.exec(text(bytes, [at, 24])) ?? ['', '0'];
    if (Number(length) <= head.length) break;
    const record = text(bytes, [at + head.length, Number(length) - head.length - 1]);
    records.set(record.slice(0, record.indexOf('=')), record.slice(record.indexOf('=') + 1));
    at += Number(length);
  }
  const size = records.get('size');
  return {
    ...([...records.keys()].some((key) => key.startsWith('GNU.sparse.')) && { isSparse: true }),
    ...(records.has('path') && { path: records.get('path') }),
    ...(size !== undefined && /^\d+$/.test(size) && { size: Number(size) }),
  };
}

/** In octal digits, or, where the first bit is set, as a big-endian number (GNU, from 8 GiB). */
function sizeField(header: Uint8Array): number {
  const [start, length] = FIELDS.size;
  if ((header[start]! & 0x80) === 0) return Number.parseInt(text(header, FIELDS.size).trim() || '0', 8);
  return header.subarray(start + 1, start + length).reduce((size, byte) => size * 256 + byte, 0);
}

function nameOf(header: Uint8Array): string {
  const prefix = text(header, FIELDS.prefix);
  // GNU keeps times where POSIX keeps the prefix, and tells itself by a blank after the magic.
  return prefix === '' || header[FIELDS.magic[0] + 5] === 0x20
    ? text(header, FIELDS.name)
    : `${prefix}/${text(header, FIELDS.name)}`;
}

/** The sum of the header's bytes, its own field read as blanks. */
function checksumHolds(header: Uint8Array): boolean {
  const [start, length] = FIELDS.checksum;
  const sum = header.reduce((total, byte, i) => total + (i >= start && i < start + length ? 0x20 : byte), 0);
  return header.length === BLOCK && Number.parseInt(text(header, FIELDS.checksum).trim(), 8) === sum;
}

/** Up to the first NUL, as UTF-8. */
function text(bytes: Uint8Array, [start, length]: readonly [number, number]): string {
  const field = Buffer.from(bytes.subarray(start, start + length));
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}

/** "./a//b/" is a/b. */
function tidy(name: string): string {
  return name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** Archives need not list the folders their files are in. */
function withParents(folders: ReadonlySet<string>, files: Iterable<string>): string[] {
  const all = new Set(folders);
  for (const file of files)
    for (let end = file.lastIndexOf('/'); end > 0; end = file.lastIndexOf('/', end - 1)) all.add(file.slice(0, end));
  return [...all];
}

function damaged(path: string, what: string): DatasetError {
  return new DatasetError(`${path}: not a whole tar archive (${what}): it was cut off or damaged; get it again`);
}
