import { DatasetError } from '../../errors.ts';
import { CLASSES_FILE, ownClassNames } from '../archive-members.ts';
import { type DatasetSpec, imagesToTake, sampleByClass } from '../dataset.ts';
import { readBytes } from '../files.ts';
import { type ImageFiles, isImage, type NamedFile, openImageFiles } from './image-files.ts';

/** A line of a list file. */
export interface ListedImage {
  readonly name: string;
  readonly label?: number | undefined;
}

/** How many of the names that are wrong an error shows. */
const SHOWN = 3;

/**
 * A list file: a path a line, in the order the images shall have, each optionally followed by its label after a blank, a tab
 * or a comma; blank lines and lines that start with # say nothing. Throws DatasetError where only some lines have a label.
 */
async function readListFile(path: string): Promise<ListedImage[]> {
  const lines = Buffer.from(await readBytes(path))
    .toString('utf8')
    .split('\n');
  const images = lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line): ListedImage => {
      const [, name = line, label] = /^(.*\S)(?:\s*,\s*|\s+)(\d{1,9})$/.exec(line) ?? [];
      return { name, label: label === undefined ? undefined : Number(label) };
    });
  if (images.length === 0) throw new DatasetError(`${path}: lists no images; write a path a line`);
  const bare = images.find(({ label }) => label === undefined);
  if (bare !== undefined && images.some(({ label }) => label !== undefined)) {
    throw new DatasetError(`${path}: some images have a label, "${bare.name}" has none; give every line one, or none`);
  }
  return images;
}

/**
 * The names there are of the listed ones, in the list's order. A list may name its images from further up, as
 * RobustBench's 5,000 are "val/n01440764/..." where the folder is `val` itself: folders in front are left out until
 * the rest is there. Throws DatasetError that names the first that are not there, or are there twice.
 */
function resolveNames(listed: readonly ListedImage[], names: ReadonlySet<string>, where: string): string[] {
  const resolved = listed.map(({ name }) => resolve(name, names));
  const unknown = listed.filter((_, i) => resolved[i] === undefined).map(({ name }) => name);
  if (unknown.length > 0) throw new DatasetError(`${where}: ${some(unknown)} not in the data set; check the paths`);
  const found = resolved.filter((name) => name !== undefined);
  const seen = new Set<string>();
  const twice = found.filter((name) => seen.size === seen.add(name).size);
  if (twice.length > 0) throw new DatasetError(`${where}: ${some(twice)} listed twice; an image counts once`);
  return found;
}

function resolve(name: string, names: ReadonlySet<string>): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const candidates = parts.map((_, i) => parts.slice(i).join('/'));
  return candidates.find((candidate) => names.has(candidate));
}

function some(names: readonly string[]): string {
  const more = names.length > SHOWN ? `, ... (${names.length} images)` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more} ${names.length === 1 ? 'is' : 'are'}`;
}

/** An image of the folder: its path in it, its size in bytes and its label. */
export interface IndexedImage extends NamedFile {
  readonly label: number;
}

/** The images a spec asks for, in order, none of them read yet. */
export interface ImageIndex {
  readonly images: readonly IndexedImage[];
  readonly classes: number;
  readonly classNames?: readonly string[] | undefined;
  readonly read: ImageFiles['read'];
}

type ImageFolderSpec = DatasetSpec<'imagefolder'>;

/** What torchvision's ImageFolder would read and sharp does not. */
const OTHER_IMAGES = /\.(?:ppm|bmp|pgm|tiff?)$/i;

/** Folders of these names are splits of a data set, not classes. */
const SPLITS = new Set(['train', 'val', 'valid', 'test']);

/** Lists the images of a folder or archive. List file, limit and sample take from them in this order. Throws DatasetError. */
export async function indexImages(spec: ImageFolderSpec): Promise<ImageIndex> {
  const { path, limit, sample } = spec;
  const contents = await openImageFiles(path);
  const { images, ...classes } = await labelledImages(contents, spec);
  const first = images.slice(0, imagesToTake(images.length, limit, path));
  const facts = { labels: Int32Array.from(first, ({ label }) => label), names: first.map(({ name }) => name) };
  const taken = sample === undefined ? first : sampleByClass(facts, sample).map((index) => first[index]!);
  return { images: taken, ...classes, read: contents.read };
}

type Labelled = Omit<ImageIndex, 'read'>;

async function labelledImages(contents: ImageFiles, { path, list }: ImageFolderSpec): Promise<Labelled> {
  const files = sortedImages(contents.files, path);
  const names = await classNamesIn(contents, path);
  if (list === undefined) return byFolder(contents, files, names, path);
  const listed = await readListFile(list);
  const labels = listed.flatMap(({ label }) => label ?? []);
  if (labels.length > 0) return byList(take(files, listed, list), labels, names);
  const { images, ...classes } = byFolder(contents, files, names, path);
  return { images: take(images, listed, list), ...classes };
}

/** The listed ones of these images, in the order of the list. */
function take<T extends NamedFile>(images: readonly T[], listed: readonly ListedImage[], list: string): T[] {
  const byName = new Map(images.map((image) => [image.name, image]));
  return resolveNames(listed, new Set(byName.keys()), list).map((name) => byName.get(name)!);
}

/** Labels of the list's own: class folders need not be there, nor be numbered as the list does. */
function byList(
  files: readonly NamedFile[],
  labels: readonly number[],
  names: readonly string[] | undefined,
): Labelled {
  const classes = names?.length ?? labels.reduce((most, label) => Math.max(most, label + 1), 1);
  return { images: files.map((file, i) => ({ ...file, label: labels[i]! })), classes, classNames: names };
}

/** As torchvision's ImageFolder: a folder a class, numbered in the order of their names; none may be empty. */
function byFolder(
  { folders }: ImageFiles,
  files: readonly NamedFile[],
  names: readonly string[] | undefined,
  path: string,
): Labelled {
  const classFolders = folders.filter((folder) => !folder.includes('/')).sort();
  requireClasses(classFolders, files, path);
  const labelOf = labelsOf(classFolders, names, path);
  const images = files.flatMap((file): IndexedImage[] => {
    const label = labelOf.get(classOf(file.name));
    return label === undefined ? [] : [{ ...file, label }];
  });
  requireImages(classFolders, files, path);
  return { images, classes: names?.length ?? classFolders.length, classNames: names ?? classFolders };
}

function requireClasses(folders: readonly string[], files: readonly NamedFile[], path: string): void {
  const flat = files.find(({ name }) => classOf(name) === '');
  if (folders.length === 0 || (flat !== undefined && files.every(({ name }) => classOf(name) === ''))) {
    const what =
      flat === undefined ? 'holds no class folders' : `holds ${flat.name} and others outside of class folders`;
    throw new DatasetError(
      `${path}: ${what}; sort the images into a folder a class (for ImageNet's validation set, valprep.sh does), ` +
        'or give a list file with labels',
    );
  }
  if (folders.every((folder) => SPLITS.has(folder)))
    throw new DatasetError(`${path}: its folders are ${folders.join(', ')}, not classes; give one of these`);
}

function requireImages(folders: readonly string[], files: readonly NamedFile[], path: string): void {
  const used = new Set(files.map(({ name }) => classOf(name)));
  const empty = folders.filter((folder) => !used.has(folder));
  if (empty.length === 0) return;
  const more = empty.length > 3 ? `, ... (${empty.length} folders)` : '';
  throw new DatasetError(
    `${path}: no JPEG, PNG or WebP image in ${empty.slice(0, 3).join(', ')}${more}; ` +
      'every folder is a class, remove those that are not',
  );
}

/**
 * The label of each class folder: its place among them, or, where classes.txt has the folders' names, its line there, so that
 * a part of the classes keeps the labels of the whole. Throws DatasetError where classes.txt fits neither way.
 */
function labelsOf(folders: readonly string[], names: readonly string[] | undefined, path: string): Map<string, number> {
  if (names !== undefined) {
    const lines = new Map(names.map((name, line) => [name, line]));
    if (folders.every((folder) => lines.has(folder))) return lines;
    if (names.length !== folders.length) {
      throw new DatasetError(
        `${path}: ${CLASSES_FILE} names ${names.length} classes for ${folders.length} folders; ` +
          'name each in the order of the folders, or write the names of the folders themselves',
      );
    }
  }
  return new Map(folders.map((folder, label) => [folder, label]));
}

/** In torchvision's order: by class, by folder, then by name. Throws DatasetError where it would read a kind of image igd does not. */
function sortedImages(files: readonly NamedFile[], path: string): NamedFile[] {
  const other = files.find(({ name }) => OTHER_IMAGES.test(name));
  if (other !== undefined)
    throw new DatasetError(`${path}: ${other.name} is of a kind that is not read here; convert it to PNG`);
  const folderOf = (name: string) => name.slice(0, Math.max(0, name.lastIndexOf('/')));
  return files
    .filter(({ name }) => isImage(name))
    .map((file) => ({ file, keys: [classOf(file.name), folderOf(file.name), file.name] }))
    .sort((a, b) => a.keys.reduce((order, key, i) => order || compare(key, b.keys[i]!), 0))
    .map(({ file }) => file);
}

/** The class folder an image is in, '' where it is in none. */
function classOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf('/')));
}

/** By code units, not by a language's rules. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

async function classNamesIn({ files, read }: ImageFiles, path: string): Promise<readonly string[] | undefined> {
  if (!files.some(({ name }) => name === CLASSES_FILE)) return undefined;
  return ownClassNames(new Map([[CLASSES_FILE, await read(CLASSES_FILE)]]), path);
}
