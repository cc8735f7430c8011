import { DatasetError } from '../../errors.ts';
import type { ClassOrder } from '../../schemas/config.ts';
import { CORRUPTIONS, isSeverity } from '../../schemas/corruption.ts';
import type { Note } from '../../schemas/notes.ts';
import { CLASSES_FILE } from '../archive-members.ts';
import { orderedClasses } from './class-order.ts';
import { labelsOf, namesFolders, refuseTwins } from './classes-file.ts';
import type { ImageFiles, NamedFile } from './image-files.ts';

/** An image of the folder: its path in it, its size in bytes and its label. */
export interface IndexedImage extends NamedFile {
  readonly label: number;
}

/** Images with their labels. */
export interface Labelled {
  readonly images: readonly IndexedImage[];
  readonly classes: number;
  readonly classNames?: readonly string[] | undefined;
  readonly notes: readonly Note[];
}

/** Folders of these names are splits of a data set, not classes. */
const SPLITS = new Set([...['train', 'training', 'val', 'valid', 'validation', 'test', 'testing', 'dev', 'eval']]);

/** What class folders are in, and what is said of them. */
interface FolderSpec {
  readonly path: string;
  readonly classOrder?: ClassOrder | undefined;
}

/** As torchvision's ImageFolder: a folder a class, numbered in the order of their names; none may be empty. */
export function byFolder(
  { folders }: ImageFiles,
  files: readonly NamedFile[],
  names: readonly string[] | undefined,
  { path, classOrder }: FolderSpec,
): Labelled {
  const topFolders = folders.filter((folder) => !folder.includes('/'));
  requireClasses(topFolders, files, path);
  refuseTwins(topFolders, path);
  const isNamed = namesFolders(names, topFolders);
  if (!isNamed) refuseSeverities(files, path);
  if (names === undefined) refuseOuterFolder(topFolders, files, path);
  if (isNamed && classOrder !== undefined)
    throw new DatasetError(`${path}: ${CLASSES_FILE} says the order of the classes; leave "classOrder" out`);
  const { folders: classFolders, notes } = orderedClasses(topFolders, classOrder, path);
  const labelOf = labelsOf(classFolders, names, path);
  const images = files.flatMap((file): IndexedImage[] => {
    const label = labelOf.get(classOf(file.name));
    return label === undefined ? [] : [{ ...file, label }];
  });
  requireImages(classFolders, files, path);
  const classes = names?.length ?? classFolders.length;
  return { images, classes, classNames: names ?? classFolders, notes: isNamed ? [] : notes };
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
  if (folders.every((folder) => SPLITS.has(folder.toLowerCase())))
    throw new DatasetError(`${path}: its folders are ${folders.join(', ')}, not classes; give one of these`);
}

/** Given a level too high all images would be of one class. Throws DatasetError where the only folder has but folders with images. */
function refuseOuterFolder(folders: readonly string[], files: readonly NamedFile[], path: string): void {
  const [outer] = folders;
  if (outer === undefined || folders.length > 1) return;
  const inner = new Set(files.map(({ name }) => name.split('/').slice(1, -1)[0] ?? ''));
  if (inner.size < 2 || inner.has('')) return;
  throw new DatasetError(
    `${path}: its only folder, ${outer}, has ${inner.size} folders with images (${[...inner].slice(0, 3).join(', ')}${inner.size > 3 ? ', ...' : ''}): ` +
      `give ${path}/${outer} if these are the classes, or name ${outer} in a classes.txt if it is one`,
  );
}

/** Levels above a severity's folder at which ImageNet-C may be given: corruption, and the kind of it (noise, blur, ...) that it comes packed in. */
const LEVELS = [0, 1, 2] as const;

/**
 * ImageNet-C is corruption/severity/class: given a level or two too high, severities or corruptions would be taken for classes. Throws
 * DatasetError.
 */
function refuseSeverities(files: readonly NamedFile[], path: string): void {
  const places = files.map(({ name }) => name.split('/').slice(0, -1));
  const isAt = (level: number) => (place: readonly string[]) =>
    isSeverity(place[level] ?? '') &&
    place.length > level + 1 &&
    (level === 0 || CORRUPTIONS.has(place[level - 1] ?? ''));
  const [first] = places;
  const level = LEVELS.find((candidate) => places.every(isAt(candidate)));
  if (first === undefined || level === undefined) return;
  throw new DatasetError(
    `${path}: its folders are ${level === 0 ? 'severities of a corruption' : 'corruptions'}, as ImageNet-C has them, not classes: give the folder of ` +
      `one severity, such as ${path}/${first.slice(0, level + 1).join('/')}, or name the folders in a classes.txt if they are classes`,
  );
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

/** The class folder an image is in, '' where it is in none. */
export function classOf(name: string): string {
  return name.slice(0, Math.max(0, name.indexOf('/')));
}
