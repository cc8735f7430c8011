import { DatasetError } from '../../errors.ts';
import { CLASSES_FILE } from '../archive-members.ts';

/**
 * The label of each class folder: its place among them, or, where classes.txt has the folders' names, its line there, so that
 * a part of the classes keeps the labels of the whole. Throws DatasetError where classes.txt fits neither way, or names folders in another
 * order than their labels would have.
 */
export function labelsOf(
  folders: readonly string[],
  names: readonly string[] | undefined,
  path: string,
): Map<string, number> {
  if (names === undefined) return places(folders);
  const lines = linesOf(folders, names, path);
  if (lines !== undefined) return lines;
  if (names.length !== folders.length) {
    throw new DatasetError(
      `${path}: ${CLASSES_FILE} names ${names.length} classes for ${folders.length} folders; ` +
        'name each in the order of the folders, or write the names of the folders themselves',
    );
  }
  refuseOtherOrder(folders, names, path);
  return places(folders);
}

/** Whether classes.txt has the names of all folders, whose labels it says then. */
export function namesFolders(names: readonly string[] | undefined, folders: readonly string[]): boolean {
  const composed = new Set(names?.map(composedForm));
  return names !== undefined && folders.every((folder) => composed.has(composedForm(folder)));
}

function places(folders: readonly string[]): Map<string, number> {
  return new Map(folders.map((folder, label) => [folder, label]));
}

/** macOS takes letters apart (e and its accent) in names of files, editors write them as one. */
function composedForm(name: string): string {
  return name.normalize('NFC');
}

/** Throws DatasetError where two folders have names that nobody can tell apart: one class in two halves, and every label behind them shifted. */
export function refuseTwins(folders: readonly string[], path: string): void {
  const seen = new Set<string>();
  for (const folder of folders) {
    const name = composedForm(folder);
    if (seen.has(name))
      throw new DatasetError(
        `${path}: has two folders called "${name}", whose letters with accents are written in one piece (NFC) and taken apart (NFD, as ` +
          'macOS does): put the images of both into one',
      );
    seen.add(name);
  }
}

/** The line of each folder, where all of them stand there. */
function linesOf(folders: readonly string[], names: readonly string[], path: string): Map<string, number> | undefined {
  if (!namesFolders(names, folders)) return undefined;
  const labels = new Map<string, number>();
  for (const folder of folders) {
    const lines = names.flatMap((name, line) => (composedForm(name) === composedForm(folder) ? [line] : []));
    if (lines.length > 1)
      throw new DatasetError(
        `${path}: ${CLASSES_FILE} names the folder "${folder}" twice; write each once, in the order of the labels`,
      );
    labels.set(folder, lines[0]!);
  }
  return labels;
}

/**
 * Names for people may stand in the place of the folders', line by line. Where lines speak of folders nevertheless ("1 dog", "Dog", or some
 * of the names), they have to be the folders of their places: else labels would be those of others without a word.
 */
function refuseOtherOrder(folders: readonly string[], names: readonly string[], path: string): void {
  const labels = new Map(folders.map((folder, label) => [plainForm(folder), label]));
  const alone = names.map((name) => labels.get(plainForm(name)));
  const within = names.map((name) => name.split(/[\s,;:]+/).flatMap((word) => labels.get(plainForm(word)) ?? []));
  const isMapping = within.every((found) => found.length > 0);
  const line = names.findIndex((_, place) =>
    isMapping ? !within[place]!.includes(place) : alone[place] !== undefined && alone[place] !== place,
  );
  if (line < 0) return;
  throw new DatasetError(
    `${path}: line ${line + 1} of ${CLASSES_FILE} is "${names[line]}", and folder ${line} is "${folders[line]}": write the names of all ` +
      'folders as they are, a line each and nothing else, in the order of the labels',
  );
}

/** Without what a listing puts around a name: "dog", dog/, ./dog. */
function plainForm(name: string): string {
  const plain = composedForm(name).toLowerCase();
  return plain.replace(/^["'`]|["'`]$/g, '').replace(/^\.[/\\]|[/\\]+$/g, '');
}
