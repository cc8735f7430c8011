import { type Dirent, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { type Command, Option } from 'commander';
import { hasCode, InputError, messageOf } from '../../errors.ts';
import { count, counted } from '../../report/format.ts';
import { alignColumns } from '../../report/table.ts';
import { rankingsFolder } from '../execution-context.ts';
import { notNegative } from '../numbers.ts';
import { addJson, printJson } from '../output.ts';
import { print } from '../storage-location.ts';

/** What is kept, by the folders it is in; the first of them is what one thing is counted by. All of it can be computed or downloaded again. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  evaluations: ['evaluations', 'evaluation-files'],
  rankings: ['rankings'],
  embeddings: ['embeddings'],
  inputs: ['inputs'],
};

interface CacheFlags {
  readonly rankings: string;
  readonly clear?: string | true;
  readonly olderThan?: number;
  readonly json?: true;
}

export function define(command: Command): void {
  command
    .option('--rankings <dir>', 'the folder, where it is another than the usual', rankingsFolder())
    .option('--clear [kind]', `delete what is kept: all of it, or ${Object.keys(KINDS).join(', ')}`)
    .addOption(new Option('--older-than <days>', 'with --clear: only what is older').argParser(notNegative));
  addJson(command).action(cache);
}

interface KeptFile {
  readonly path: string;
  readonly kind: string;
  /** Whether it is what one thing is counted by. */
  readonly counts: boolean;
  readonly bytes: number;
  readonly ageDays: number;
}

async function cache({ rankings, clear, olderThan, json }: CacheFlags): Promise<void> {
  const root = resolve(rankings);
  if (olderThan !== undefined && clear === undefined)
    throw new InputError('--older-than says what --clear deletes: give that too');
  if (typeof clear === 'string' && KINDS[clear] === undefined)
    throw new InputError(`--clear ${clear}: is kept under no such name; give one of ${Object.keys(KINDS).join(', ')}`);
  const files = await keptFiles(root);
  const isGone = ({ kind, ageDays }: KeptFile) =>
    clear !== undefined && (clear === true || clear === kind) && ageDays >= (olderThan ?? 0);
  const gone = files.filter(isGone);
  // What names the files of an evaluation goes before them: what is left of one that is cut here is never taken.
  for (const { path } of gone.toSorted((a, b) => Number(b.counts) - Number(a.counts))) await rm(path, { force: true });
  const kinds = summaryOf(clear === undefined ? files : gone);
  if (json === true) return printJson({ folder: root, deleted: clear !== undefined, kinds });
  print(`${root}:${clear === undefined ? '' : ' deleted'}`);
  print(textOf(kinds));
}

/** What is there, whether the folder is or not. */
async function keptFiles(root: string): Promise<KeptFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((error: unknown): Dirent[] => {
    if (hasCode(error, 'ENOENT')) return [];
    throw new InputError(`cannot read ${root}: ${messageOf(error)}`, { cause: error });
  });
  return entries
    .filter((entry) => entry.isFile())
    .flatMap((entry) => keptFile(root, join(entry.parentPath, entry.name)));
}

/** None of what is not ours, or of what is gone by now. */
function keptFile(root: string, path: string): KeptFile[] {
  const [folder = '', ...inside] = relative(root, path).split(sep);
  const kind = Object.keys(KINDS).find((name) => KINDS[name]?.includes(folder));
  const stats = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined || stats === undefined) return [];
  const ageDays = (Date.now() - stats.mtimeMs) / 86_400_000;
  // What was hashed of a downloaded input lies in a folder of its own beside it.
  const counts = KINDS[kind]?.[0] === folder && !inside.some((name) => name.endsWith('.sha256'));
  return [{ path, kind, counts, bytes: stats.size, ageDays }];
}

interface KindSummary {
  readonly kind: string;
  readonly things: number;
  readonly bytes: number;
  readonly oldestDays: number | null;
}

function summaryOf(files: readonly KeptFile[]): KindSummary[] {
  return Object.keys(KINDS).map((kind) => {
    const own = files.filter((file) => file.kind === kind);
    return {
      kind,
      things: own.filter(({ counts }) => counts).length,
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      oldestDays: own.length === 0 ? null : Math.max(...own.map(({ ageDays }) => ageDays)),
    };
  });
}

function textOf(kinds: readonly KindSummary[]): string {
  const rows = kinds.map(({ kind, things, bytes, oldestDays }) => [
    kind,
    count(things),
    `${(bytes / 2 ** 20).toFixed(1)} MiB`,
    oldestDays === null ? '' : `oldest ${counted(Math.floor(oldestDays), 'day')}`,
  ]);
  return alignColumns([['kept', 'count', 'size', ''], ...rows])
    .map((cells) => cells.join('  ').trimEnd())
    .join('\n');
}
