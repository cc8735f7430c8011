import { z } from 'zod';
import { InputError } from '../../errors.ts';
import { analysisNote, type Entry, historyNote, summariseReport, sweepNote } from '../../report/browse/entry.ts';
import { analysisReportSchema } from '../../schemas/analysis.ts';
import { runKeys } from '../../schemas/keys.ts';
import { parameterSweepPlanSchema, parameterSweepReportSchema } from '../../schemas/parameter-sweep.ts';
import type { FolderListing, Store } from '../../stores/store.ts';
import { readAll } from '../results.ts';
import { HISTORY_FILE, parseHistory } from './read-history.ts';
import { documentOf, readReport } from './read-run.ts';

/** A folder or a part of a bucket, one level at a time. */
export interface Tree {
  readonly store: Store;
  /** What lies in a folder below; '' is the tree itself. */
  readonly listFolder: (folder: string) => Promise<FolderListing>;
}

type Read = Omit<Entry, 'kind' | 'key' | 'date'>;

/** A run, a sweep, a history or an analysis that was found; it is read where it is not known yet. */
interface Found {
  readonly kind: Entry['kind'];
  readonly key: string;
  readonly date: Date;
  readonly read: () => Promise<Read>;
}

/**
 * What is no run, but may lie beside those that it is about: the file that tells, and what is said of it.
 */
const OTHERS: readonly {
  readonly kind: Entry['kind'];
  readonly file: string;
  /** Throws InputError, naming `where`. */
  readonly describe: (document: unknown, where: string) => Read;
}[] = [
  { kind: 'sweep', file: 'sweep.json', describe: describeSweep },
  { kind: 'history', file: HISTORY_FILE, describe: describeHistory },
  { kind: 'analysis', file: 'analysis.json', describe: describeAnalysis },
];

/** Deeper than anybody keeps runs; a loop of mounts ends there. */
const DEEPEST = 8;

const PLAN = runKeys.plan;
const REPORT = runKeys.report('report.json');

/**
 * The runs, parameter sweeps, histories and analyses of a folder or a bucket, newest first. `known` are entries of an earlier call: what has not changed
 * since is not read again. A report that cannot be read is an entry that says so.
 */
export async function findEntries(tree: Tree, known: readonly Entry[] = []): Promise<Entry[]> {
  const before = new Map(known.map((entry) => [entry.key, entry]));
  const found = await search(tree, '', 0);
  const entries = await readAll(found, async (one) => {
    const earlier = before.get(one.key);
    const isSame = earlier?.kind === one.kind && earlier.date.getTime() === one.date.getTime();
    // What is partial may have got another report since, beside the same plan.
    return isSame && earlier.status === 'complete' && earlier.summary !== undefined ? earlier : read(one);
  });
  return entries.sort((a, b) => b.date.getTime() - a.date.getTime() || a.key.localeCompare(b.key));
}

/** Within a run's own folder there are no others. */
async function search(tree: Tree, folder: string, depth: number): Promise<Found[]> {
  const { store } = tree;
  const { files, folders } = await tree.listFolder(folder);
  const [report, plan] = [REPORT, PLAN].map((name) => files.find((file) => file.name === name));
  const key = folder === '' ? '.' : folder;
  const sweepPlan = files.find(({ name }) => name === runKeys.sweepPlan);
  if (sweepPlan !== undefined) return searchSweep(tree, { folder, key, date: sweepPlan.modified }, depth);
  if (report !== undefined)
    return [{ kind: 'run', key, date: report.modified, read: () => readFinished(store, folder, REPORT) }];
  const others = OTHERS.flatMap(({ kind, file, describe }): Found[] => {
    const path = below(folder, file);
    const read = async () => describe(documentOf(await store.get(path)), path);
    return files.filter(({ name }) => name === file).map(({ modified: date }) => ({ kind, key, date, read }));
  });
  if (plan !== undefined) {
    const analyses = others.filter(({ kind }) => kind === 'analysis');
    if (analyses.length > 0) return analyses;
    return [{ kind: 'run', key, date: plan.modified, read: () => readUnfinished(tree, folder) }];
  }
  const deeper = folders.filter((name) => depth < DEEPEST && !name.startsWith('.') && name !== 'node_modules');
  const found = await readAll(deeper, (name) => search(tree, below(folder, name), depth + 1));
  return [...others, ...found.flat()];
}

/**
 * A sweep of the service's, which knows what it consists of while it is under way. Of its runs that are not whole the reports lie
 * beside them, in a folder of the attempt.
 */
async function searchSweep(
  tree: Tree,
  { folder, key, date }: { readonly folder: string; readonly key: string; readonly date: Date },
  depth: number,
): Promise<Found[]> {
  const { store, listFolder } = tree;
  const attempt = (await listFolder(below(folder, 'partial'))).folders.filter((name) => /^\d{3}$/.test(name)).at(-1);
  const partial = attempt === undefined ? undefined : `partial/${attempt}`;
  const read = async (): Promise<Read> => {
    for (const place of partial === undefined ? [''] : ['', `${partial}/`]) {
      const path = below(folder, `${place}${runKeys.sweepReport}`);
      const bytes = await store.get(path);
      if (bytes === undefined) continue;
      const status = place === '' ? 'complete' : 'partial';
      return { ...describeSweep(documentOf(bytes), path), status, page: `${place}sweep.html` };
    }
    const plan = parameterSweepPlanSchema.safeParse(documentOf(await store.get(below(folder, runKeys.sweepPlan))));
    return { name: plan.data?.name ?? folder, status: 'unfinished', ...(plan.data && { note: sweepNote(plan.data) }) };
  };
  const { folders } = await listFolder(folder);
  const parts = await readAll(
    folders.filter((name) => name.includes('=')),
    async (name) => {
      const reported = partial === undefined ? [] : await search(tree, below(folder, `${partial}/${name}`), depth + 1);
      const whole = await store.has(below(folder, `${name}/${REPORT}`));
      return whole || reported.length === 0 ? search(tree, below(folder, name), depth + 1) : reported;
    },
  );
  return [{ kind: 'sweep', key, date, read }, ...parts.flat()];
}

function below(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

async function read({ kind, key, date, read }: Found): Promise<Entry> {
  try {
    return { kind, key, date, ...(await read()) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { kind, key, date, name: key.split('/').at(-1) ?? key, status: 'unreadable', note: error.message };
  }
}

async function readFinished(store: Store, folder: string, file: string): Promise<Read> {
  const report = await readReport({ store, where: (key) => key, file: below(folder, file) });
  const status = report.run.missing.length === 0 ? 'complete' : 'partial';
  return { name: report.run.name, status, summary: summariseReport(report), page: file.replace(/json$/, 'html') };
}

/** Of a plan only the name is wanted, and of any version. */
const planSchema = z.looseObject({ config: z.looseObject({ name: z.string() }) });

/** On AWS an attempt that left something missing has a report of its own: the last one counts. */
async function readUnfinished({ store, listFolder }: Tree, folder: string): Promise<Read> {
  const attempt = (await listFolder(below(folder, 'partial'))).folders.filter((name) => /^\d{3}$/.test(name)).at(-1);
  if (attempt !== undefined)
    return { ...(await readFinished(store, folder, `partial/${attempt}/${REPORT}`)), status: 'partial' };
  const plan = planSchema.safeParse(documentOf(await store.get(below(folder, PLAN))));
  return { name: plan.data?.config.name ?? folder, status: 'unfinished' };
}

function describeSweep(document: unknown, where: string): Read {
  const sweep = parameterSweepReportSchema.safeParse(document);
  if (!sweep.success) throw new InputError(`${where} is no sweep's report of this version of igd`);
  return { name: sweep.data.name, status: 'complete', note: sweepNote(sweep.data), page: 'sweep.html' };
}

function describeHistory(document: unknown, where: string): Read {
  const history = parseHistory(document, where);
  return { name: history.schedule, status: 'complete', note: historyNote(history), page: 'index.html' };
}

function describeAnalysis(document: unknown, where: string): Read {
  const analysis = analysisReportSchema.safeParse(document);
  if (!analysis.success) throw new InputError(`${where} is no analysis of this version of igd`);
  const { data } = analysis;
  return { name: data.name, status: 'complete', note: analysisNote(data), page: 'analysis.html' };
}
