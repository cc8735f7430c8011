import { DatasetError } from '../../errors.ts';
import { decodeText } from '../../schemas/config-text/decode.ts';
import { readBytes } from '../files.ts';

/** A line of a list file. */
export interface ListedImage {
  readonly name: string;
  readonly label?: number | undefined;
}

const FORM = 'a line is a path and, where labels are given, after a blank, tab or comma a whole number';

/** How many of the names that are wrong an error shows. */
const SHOWN = 3;

/**
 * A list file: a path a line, in the order the images shall have, each optionally followed by its label after a blank, a tab
 * or a comma; blank lines and lines that start with # say nothing. Throws DatasetError where only some lines have a label.
 */
export async function readListFile(path: string): Promise<ListedImage[]> {
  const lines = decodeText(await readBytes(path), path).split('\n');
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
    throw new DatasetError(
      `${path}: some images have a label, "${bare.name}" has none; give every line one, or none: ${FORM}`,
    );
  }
  return images;
}

/**
 * The names there are of the listed ones, in the list's order. A list may name its images from further up, as
 * RobustBench's 5,000 are "val/n01440764/..." where the folder is `val` itself: folders in front are left out until
 * the rest is there. Throws DatasetError that names the first that are not there, or are there twice.
 */
export function resolveNames(listed: readonly ListedImage[], names: ReadonlySet<string>, where: string): string[] {
  const composed = new Map(Array.from(names, (name) => [name.normalize('NFC'), name]));
  const resolved = listed.map(
    ({ name }) => resolve(name, names) ?? composed.get(resolve(name.normalize('NFC'), composed) ?? ''),
  );
  const unknown = listed.filter((_, i) => resolved[i] === undefined).map(({ name }) => name);
  if (unknown.length > 0)
    throw new DatasetError(`${where}: ${some(unknown)} not in the data set; check the paths: ${FORM}`);
  const found = resolved.filter((name) => name !== undefined);
  const seen = new Set<string>();
  const twice = found.filter((name) => seen.size === seen.add(name).size);
  if (twice.length > 0) throw new DatasetError(`${where}: ${some(twice)} listed twice; an image counts once`);
  return found;
}

function resolve(name: string, names: { readonly has: (name: string) => boolean }): string | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const candidates = parts.map((_, i) => parts.slice(i).join('/'));
  return candidates.find((candidate) => names.has(candidate));
}

function some(names: readonly string[]): string {
  const more = names.length > SHOWN ? `, ... (${names.length} images)` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more} ${names.length === 1 ? 'is' : 'are'}`;
}
