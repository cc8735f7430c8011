import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatasetError } from '../../errors.ts';
import type { Note } from '../../schemas/notes.ts';
import type { DatasetSpec, Split } from '../dataset.ts';
import { fileError, isFolder } from '../files.ts';

/** The files of a data set, in order, and what was left out or is missing. */
export interface Shards {
  readonly paths: readonly string[];
  readonly notes: readonly Note[];
}

/** Files of a folder that belong together. */
interface FileSet {
  /** What their names begin with: "test", "cifar10-train"; of one file that is no shard its name. */
  readonly name: string;
  readonly names: readonly string[];
}

/** How Hugging Face's `datasets` names the shards of a split: "test-00000-of-00002.parquet". */
const SHARD = /^(?<set>.+)-(?<place>\d{5})-of-(?<count>\d{5})\.parquet$/;

/** A name that ends in one of these is of that split: "train.parquet", "mnist-test.parquet". */
const SPLIT = /(?:^|[-_.])(?<split>train|test|validation|valid|val|dev)$/i;

/**
 * The file at `path`, or those of a folder in the order of their names, which count its shards. Of a folder with several splits, as
 * published ones have, those of `split`. Throws DatasetError where it has none, or it is not sure which are meant.
 */
export async function shardsOf({ path, split }: Pick<DatasetSpec<'parquet'>, 'path' | 'split'>): Promise<Shards> {
  if (!(await isFolder(path))) return { paths: [path], notes: [] };
  const all = await readdir(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  const names = all.filter((name) => name.endsWith('.parquet') && !name.startsWith('.')).sort();
  if (names.length === 0) throw new DatasetError(`${path}: holds no .parquet file; give the folder of one split`);
  const sets = setsOf(names);
  const set = sets.length === 1 ? sets[0]! : setOfSplit(sets, split, path);
  const notes = [...otherSets(sets, set, path), ...missingShards(set, path)];
  return { paths: set.names.map((name) => join(path, name)), notes };
}

/** Names that tell nothing of a split, such as 0000.parquet, are of one set. */
function setsOf(names: readonly string[]): FileSet[] {
  const sets = new Map<string, string[]>();
  for (const name of names) {
    const { set, count } = SHARD.exec(name)?.groups ?? {};
    const stem = name.replace(/\.parquet$/, '');
    const key = set === undefined ? (SPLIT.test(stem) && stem) || '' : `${set}/${count}`;
    sets.set(key, [...(sets.get(key) ?? []), name]);
  }
  return Array.from(sets, ([key, held]) => ({ name: key.replace(/\/.*/, ''), names: held }));
}

function setOfSplit(sets: readonly FileSet[], split: Split, path: string): FileSet {
  const ofSplit = sets.filter(({ name }) => SPLIT.exec(name)?.groups?.split?.toLowerCase() === split);
  const [only] = ofSplit;
  if (only !== undefined && ofSplit.length === 1) return only;
  throw new DatasetError(
    `${path}: holds files of several sets (${exampleNames(sets)}), and ${only === undefined ? 'none' : 'not only one'} is of the ${split} split ` +
      'by its name: give the file, or a folder of the files of one set',
  );
}

function exampleNames(sets: readonly FileSet[]): string {
  const shown = sets.slice(0, 4).map(({ names }) => (names.length > 1 ? `${names[0]}, ...` : names[0]));
  return shown.join('; ');
}

function otherSets(sets: readonly FileSet[], set: FileSet, path: string): Note[] {
  const others = sets.filter((other) => other !== set);
  if (others.length === 0) return [];
  const message = `of the files in ${path} those of "${set.name}" are read; others are left out: ${exampleNames(others)}`;
  return [{ code: 'other-splits', message }];
}

/** Part of a split is a data set too, but another one. */
function missingShards({ name, names }: FileSet, path: string): Note[] {
  const places = new Set(names.map((shard) => SHARD.exec(shard)?.groups?.place));
  const count = Number(SHARD.exec(names[0]!)?.groups?.count ?? places.size);
  if (places.size >= count) return [];
  const absent = Array.from({ length: count }, (_, place) => String(place).padStart(5, '0'));
  const first = absent.find((place) => !places.has(place));
  return [
    {
      code: 'missing-shards',
      message:
        `${path} has ${places.size} of the ${count} files of "${name}" (${name}-${first}-of-${String(count).padStart(5, '0')}.parquet is not ` +
        'there): its images are a part of the split',
    },
  ];
}
