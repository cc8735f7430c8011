import { z } from 'zod';
import { InputError } from '../../errors.ts';
import { type Entry, summariseReport, sweepNote } from '../../report/browse/entry.ts';
import { runKeys } from '../../schemas/keys.ts';
import { parameterSweepReportSchema } from '../../schemas/parameter-sweep.ts';
import type { FolderListing, ListedFile, Store } from '../../stores/store.ts';
import { readAll } from '../results.ts';
import { documentOf, readReport } from './read-run.ts';

/** A folder or a part of a bucket, one level at a time. */
export interface Tree {
  readonly store: Store;
  /** What lies in a folder below; '' is the tree itself. */
  readonly listFolder: (folder: string) => Promise<FolderListing>;
}

/** A run or a sweep that was found; it is read when it is looked at. */
interface Found {
  readonly kind: Entry['kind'];
  /** '' is the tree itself. */
  readonly folder: string;
  /** Where its report is; undefined where there is none yet. */
  readonly report?: string;
  readonly date: Date;
}

/** Deeper than anybody keeps runs; a loop of mounts ends there. */
const DEEPEST = 8;

const PLAN = runKeys.plan;
const REPORT = runKeys.report('report.json');
const SWEEP = 'sweep.json';

/**
 * The runs and parameter sweeps of a folder or a bucket, newest first. `known` are entries of an earlier call: what has not changed
 * since is not read again. A report that cannot be read is an entry that says so.
 */
export async function findEntries(tree: Tree, known: readonly Entry[] = []): Promise<Entry[]> {
  const before = new Map(known.map((entry) => [entry.key, entry]));
  const found = await search(tree, '', 0);
  const entries = await readAll(found, async (one) => {
    const earlier = before.get(keyOf(one));
    const isSame = earlier?.kind === one.kind && earlier.date.getTime() === one.date.getTime();
    return isSame && earlier.summary !== undefined ? earlier : read(tree.store, one);
  });
  return entries.sort((a, b) => b.date.getTime() - a.date.getTime() || a.key.localeCompare(b.key));
}

function keyOf({ folder }: Found): string {
  return folder === '' ? '.' : folder;
}

/** Within a run's own folder there are no others; beside a sweep's report there are its runs. */
async function search(tree: Tree, folder: string, depth: number): Promise<Found[]> {
  const listing = await tree.listFolder(folder);
  const file = (name: string) => listing.files.find((one) => one.name === name);
  const [plan, report, sweep] = [file(PLAN), file(REPORT), file(SWEEP)];
  if (report !== undefined) return [{ kind: 'run', folder, report: REPORT, date: report.modified }];
  if (plan !== undefined) return file('analysis.json') ? [] : [await unfinished(tree, folder, plan)];
  const own: Found[] = sweep ? [{ kind: 'sweep', folder, report: SWEEP, date: sweep.modified }] : [];
  const below = listing.folders.filter((name) => depth < DEEPEST && !name.startsWith('.') && name !== 'node_modules');
  const deeper = await readAll(below, (name) => search(tree, folder === '' ? name : `${folder}/${name}`, depth + 1));
  return [...own, ...deeper.flat()];
}

/** On AWS an attempt that left something missing has a report of its own: the last one counts. */
async function unfinished(tree: Tree, folder: string, plan: ListedFile): Promise<Found> {
  const partial = folder === '' ? 'partial' : `${folder}/partial`;
  const attempt = (await tree.listFolder(partial)).folders.filter((name) => /^\d{3}$/.test(name)).at(-1);
  const report = attempt === undefined ? {} : { report: `partial/${attempt}/${REPORT}` };
  return { kind: 'run', folder, date: plan.modified, ...report };
}

async function read(store: Store, found: Found): Promise<Entry> {
  const { kind, date } = found;
  const key = keyOf(found);
  const common = { kind, key, date };
  try {
    return { ...common, ...(kind === 'sweep' ? await readSweep(store, found) : await readRunEntry(store, found)) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...common, name: key.split('/').at(-1) ?? key, status: 'unreadable', note: error.message };
  }
}

type Read = Omit<Entry, 'kind' | 'key' | 'date'>;

/** Of a plan only the name is wanted, and of any version. */
const planSchema = z.looseObject({ config: z.looseObject({ name: z.string() }) });

async function readRunEntry(store: Store, { folder, report: file }: Found): Promise<Read> {
  const inFolder = (name: string) => (folder === '' ? name : `${folder}/${name}`);
  if (file === undefined) {
    const plan = planSchema.safeParse(documentOf(await store.get(inFolder(PLAN))));
    return { name: plan.data?.config.name ?? folder, status: 'unfinished' };
  }
  const report = await readReport({ store, where: (key) => key, file: inFolder(file) });
  const status = report.run.missing.length === 0 ? 'complete' : 'partial';
  return { name: report.run.name, status, summary: summariseReport(report), page: file.replace(/json$/, 'html') };
}

async function readSweep(store: Store, { folder }: Found): Promise<Read> {
  const key = folder === '' ? SWEEP : `${folder}/${SWEEP}`;
  const sweep = parameterSweepReportSchema.safeParse(documentOf(await store.get(key)));
  if (!sweep.success) throw new InputError(`${key} is no sweep's report of this version of igd`);
  return { name: sweep.data.name, status: 'complete', note: sweepNote(sweep.data), page: 'sweep.html' };
}
