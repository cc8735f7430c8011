import { constants } from 'node:buffer';
import type { Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatasetError } from '../../errors.ts';
import { type FileKind, fileKind } from '../../numeric/file-kinds.ts';
import { CLASSES_FILE } from '../archive-members.ts';
import { fileError, isFolder, readBytes, readHead } from '../files.ts';
import { notImages } from '../other-kinds.ts';
import { indexTar, type TarMember } from './tar-index.ts';

/** A file below the folder or in the archive: its path there, with '/', and its size in bytes. */
export interface NamedFile {
  readonly name: string;
  readonly size: number;
}

/** The files of a folder or of a tar archive of it, read one at a time. */
export interface ImageFiles {
  /** Folders, the empty ones too, and files, links followed; in no order. */
  readonly folders: readonly string[];
  readonly files: readonly NamedFile[];
  /** Folders and files that are left out with all that is in them, see `isLeftOut`. */
  readonly hidden: readonly string[];
  /** A file, or the first bytes of it. Throws DatasetError where it cannot be read. */
  read(name: string, most?: number): Promise<Uint8Array>;
}

/** What `path` holds. Throws DatasetError where it is neither a folder nor an uncompressed tar archive. */
export async function openImageFiles(path: string): Promise<ImageFiles> {
  if (await isFolder(path)) return filesOfFolder(path);
  const kind = fileKind(await readHead(path));
  if (kind === 'tar') return filesOfTar(path);
  if (kind !== 'other' && !ARCHIVES.has(kind)) throw notImages(path, kind);
  const what = ARCHIVES.has(kind)
    ? 'a compressed archive can only be read as a whole, not image by image'
    : 'is neither a folder of class folders nor a tar archive of one';
  throw new DatasetError(
    `${path}: ${what}; unpack it and give the folder, or pack that as an uncompressed tar (tar -cf images.tar -C FOLDER .)`,
  );
}

const ARCHIVES: ReadonlySet<FileKind> = new Set(['gzip', 'zip', '7z', 'rar', 'xz', 'bzip2', 'zstandard']);

/** Folders that systems make for themselves: thumbnails of a NAS, what was deleted, what macOS packs beside files, and the like. */
const OF_SYSTEMS: ReadonlySet<string> = new Set([
  ...['@eaDir', '@Recycle', '@Recently-Snapshot', '@tmp', '#recycle', '#snapshot'],
  ...['$RECYCLE.BIN', '$Recycle.Bin', 'RECYCLER', 'System Volume Information', 'lost+found', '__MACOSX', '__pycache__'],
  ...['Network Trash Folder', 'Temporary Items', 'TheVolumeSettingsFolder', 'TheFindByContentFolder'],
]);

/** What a check of a disk on Windows brings back: FOUND.000, FOUND.001, ... */
const FOUND = /^found\.\d{3}$/i;

/**
 * Names that nobody gave to a class or an image: `.ipynb_checkpoints` has copies of images, `._1.png` is what macOS puts into archives,
 * `@eaDir` has small copies of all images beside it.
 */
function isLeftOut(name: string): boolean {
  return name.startsWith('.') || OF_SYSTEMS.has(name) || FOUND.test(name);
}

async function filesOfFolder(path: string): Promise<ImageFiles> {
  const found: Found = { folders: [], files: [], hidden: [] };
  await walk(path, '', new Set([identityOf(await statOf(path))]), found);
  return { ...found, read: (name, most) => readBytes(join(path, name), most) };
}

interface Found {
  readonly folders: string[];
  readonly files: NamedFile[];
  readonly hidden: string[];
}

/** Follows links, as torchvision does; a folder that leads back into itself is entered once. */
async function walk(root: string, folder: string, above: ReadonlySet<string>, found: Found): Promise<void> {
  const path = join(root, folder);
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  for (const entry of entries) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (isLeftOut(entry.name)) {
      found.hidden.push(name);
      continue;
    }
    const stats = await statOf(join(root, name), entry.isSymbolicLink());
    const identity = identityOf(stats);
    if (stats.isFile()) found.files.push({ name, size: stats.size });
    else if (stats.isDirectory() && !above.has(identity)) {
      found.folders.push(name);
      await walk(root, name, new Set([...above, identity]), found);
    }
  }
}

/** Of what a link leads to: one that leads nowhere may have been a class, or an image of one. */
async function statOf(path: string, isLink = false): Promise<Stats> {
  return stat(path).catch((cause: unknown) => {
    const { message } = fileError(path, cause);
    throw isLink
      ? new DatasetError(`${message} (it is a link: bring back what it leads to, or remove it)`, { cause })
      : fileError(path, cause);
  });
}

/** The same for a folder and each link to it. */
function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

async function filesOfTar(path: string): Promise<ImageFiles> {
  const { folders, members } = await indexTar(path);
  const shown = members.filter(({ name }) => hiddenPart(name) === undefined);
  // A readme beside the outer folder is no class.
  const root = outerFolder(shown.map(({ name }) => name).filter((name) => isImage(name) || isClassesFile(name)));
  const inside = (name: string) => name.startsWith(root) && name.length > root.length;
  const byName = new Map(shown.map((member) => [member.name.slice(root.length), member]));
  return {
    folders: folders
      .filter((name) => inside(name) && hiddenPart(name) === undefined)
      .map((name) => name.slice(root.length)),
    files: Array.from(byName, ([name, { size }]) => ({ name, size })),
    hidden: [...new Set(members.flatMap(({ name }) => hiddenPart(name) ?? []))],
    read: (name, most) => readMember(path, name, byName.get(name), most),
  };
}

/** A path down to the first name in it that is left out; undefined where none is. */
function hiddenPart(name: string): string | undefined {
  const parts = name.split('/');
  const place = parts.findIndex(isLeftOut);
  return place < 0 ? undefined : parts.slice(0, place + 1).join('/');
}

/** `tar -cf val.tar val` puts the class folders into one more: "val/", or '' where classes are at the top. */
function outerFolder(names: readonly string[]): string {
  const [first = ''] = names;
  const outer = first.slice(0, first.indexOf('/') + 1);
  const wraps = outer !== '' && names.every((name) => name.startsWith(outer));
  const holdsImages = names.some((name) => isImage(name) && !name.slice(outer.length).includes('/'));
  return wraps && !holdsImages ? outer + outerFolder(names.map((name) => name.slice(outer.length))) : '';
}

function isClassesFile(name: string): boolean {
  return name.split('/').at(-1) === CLASSES_FILE;
}

/** Whether a file's name says that igd reads it. */
export function isImage(name: string): boolean {
  return /\.(?:jpe?g|png|webp)$/i.test(name);
}

/** Opens the archive anew for every member: a dataset has no moment at which it would close it. */
async function readMember(
  path: string,
  name: string,
  member: TarMember | undefined,
  most = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  if (member === undefined || member.size > constants.MAX_LENGTH)
    throw new DatasetError(`${path}: member "${name}" cannot be read; pack the archive anew`);
  const bytes = new Uint8Array(Math.min(member.size, most));
  try {
    await using file = await open(path);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, member.offset);
    if (bytesRead === bytes.length) return bytes;
  } catch (cause) {
    throw fileError(path, cause);
  }
  throw new DatasetError(`${path}: ends within "${name}": the archive was cut off; get it again`);
}
