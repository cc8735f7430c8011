import { basename, dirname } from 'node:path';
import { DatasetError } from '../contracts/errors.ts';
import { type Members, readFolder } from './members.ts';

/** Names the classes of the images beside it, one a line in the order of the labels; wins over every other source. */
export const CLASSES_FILE = 'classes.txt';

/** The names in a text file, one a line; blank lines (the published files end in one) are none. */
export function namesIn(bytes: Uint8Array): string[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}

/** The names in classes.txt, or undefined where there is none. Throws DatasetError where it holds no name. */
export function ownClassNames(found: Members['found'], where: string): string[] | undefined {
  const bytes = found.get(CLASSES_FILE);
  if (bytes === undefined) return undefined;
  const names = namesIn(bytes);
  if (names.length > 0) return names;
  throw new DatasetError(`${where}: ${CLASSES_FILE} holds no class name; write one a line, or remove it`);
}

/** The wanted files of the folder that `path` is in. Throws DatasetError where one cannot be read. */
export async function readBeside(path: string, wanted: readonly string[]): Promise<Members['found']> {
  const { found } = await readFolder(dirname(path), new Set(wanted.filter((name) => name !== basename(path))));
  return found;
}
