import { DatasetError } from '../../errors.ts';
import type { Note } from '../../schemas/notes.ts';
import { CLASSES_FILE, ownClassNames } from '../archive-members.ts';
import { type DatasetSpec, imagesToTake, sampleByClass } from '../dataset.ts';
import { byFolder, classOf, type IndexedImage, type Labelled } from './class-folders.ts';
import { type ImageFiles, isImage, type NamedFile, openImageFiles } from './image-files.ts';
import { type ListedImage, readListFile, resolveNames } from './list-file.ts';
import { byCodePoint } from './text-order.ts';

/** The images a spec asks for, in order, none of them read yet. */
export interface ImageIndex {
  readonly images: readonly IndexedImage[];
  readonly classes: number;
  readonly classNames?: readonly string[] | undefined;
  /** What was left out or assumed. */
  readonly notes: readonly Note[];
  readonly read: ImageFiles['read'];
}

type ImageFolderSpec = DatasetSpec<'imagefolder'>;

/** What torchvision's ImageFolder would read and sharp does not. */
const OTHER_IMAGES = /\.(?:ppm|bmp|pgm|tiff?)$/i;

/** Lists the images of a folder or archive. List file, limit and sample take from them in this order. Throws DatasetError. */
export async function indexImages(spec: ImageFolderSpec): Promise<ImageIndex> {
  const { path, limit, sample } = spec;
  const contents = await openImageFiles(path);
  const { images, notes, ...classes } = await labelledImages(contents, spec);
  const first = images.slice(0, imagesToTake(images.length, limit, path));
  const facts = { labels: Int32Array.from(first, ({ label }) => label), names: first.map(({ name }) => name) };
  const taken = sample === undefined ? first : sampleByClass(facts, sample).map((index) => first[index]!);
  return { images: taken, ...classes, notes: [...hiddenNotes(contents, path), ...notes], read: contents.read };
}

function hiddenNotes({ hidden }: ImageFiles, path: string): Note[] {
  if (hidden.length === 0) return [];
  const what = `${hidden.slice(0, 3).join(', ')}${hidden.length > 3 ? `, ... (${hidden.length} names)` : ''}`;
  return [
    {
      code: 'hidden-files',
      message: `names in ${path} that begin with a dot, or that systems give, are left out: ${what}`,
    },
  ];
}

/** What neither torchvision's ImageFolder nor igd reads. */
const UNREAD_IMAGES = /\.(?:gif|jfif|jpe|jp2|j2k|jxl|avif|heic|heif|svg|ico)$/i;

/** Says which files that look like images are none of the data set, as of torchvision's. */
function ignoredNotes(files: readonly NamedFile[], path: string): Note[] {
  const ignored = files
    .map(({ name }) => name)
    .filter((name) => UNREAD_IMAGES.test(name) || (isImage(name) && classOf(name) === ''));
  const [first] = ignored;
  if (first === undefined) return [];
  const message =
    `${ignored.length} files in ${path} that look like images are none of the data set, as torchvision's ImageFolder leaves them out: ${first}` +
    `${ignored.length > 1 ? ', ...' : ''} (outside of the class folders, or no .jpg, .jpeg, .png or .webp)`;
  return [{ code: 'ignored-images', message }];
}

async function labelledImages(contents: ImageFiles, spec: ImageFolderSpec): Promise<Labelled> {
  const { path, list } = spec;
  const files = sortedImages(contents.files, path);
  const names = await classNamesIn(contents, path);
  if (list === undefined) {
    const labelled = byFolder(contents, files, names, spec);
    return { ...labelled, notes: [...labelled.notes, ...ignoredNotes(contents.files, path)] };
  }
  const listed = await readListFile(list);
  const labels = listed.flatMap(({ label }) => label ?? []);
  if (labels.length > 0) {
    if (spec.classOrder !== undefined)
      throw new DatasetError(`${list}: says the label of each image; leave "classOrder" out`);
    return byList(take(files, listed, list), labels, names);
  }
  const { images, ...classes } = byFolder(contents, files, names, spec);
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
  return { images: files.map((file, i) => ({ ...file, label: labels[i]! })), classes, classNames: names, notes: [] };
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
    .sort((a, b) => a.keys.reduce((order, key, i) => order || byCodePoint(key, b.keys[i]!), 0))
    .map(({ file }) => file);
}

/** `Classes.txt` and Notepad's `classes.txt.txt` were meant to say the order of the labels. */
const MISNAMED = /^classes(?:\.txt)+$/i;

async function classNamesIn({ files, read }: ImageFiles, path: string): Promise<readonly string[] | undefined> {
  if (!files.some(({ name }) => name === CLASSES_FILE)) {
    const misnamed = files.find(({ name }) => MISNAMED.test(name));
    if (misnamed === undefined) return undefined;
    throw new DatasetError(`${path}: has ${misnamed.name}, and ${CLASSES_FILE} is read: rename it, or remove it`);
  }
  return ownClassNames(new Map([[CLASSES_FILE, await read(CLASSES_FILE)]]), path);
}
