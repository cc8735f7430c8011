import { igdVersion } from '../../package-root.ts';
import { readAll } from '../../runs/results.ts';
import { type History, type HistoryEntry, historyEntrySchema, historySchema } from '../../schemas/history.ts';
import { serviceKeys } from '../../schemas/service.ts';
import type { Store } from '../../stores/store.ts';
import { historiesOf } from './schedules.ts';

/** Keys of a schedule's entries, oldest first. */
async function entryKeys(runs: Store, schedule: string): Promise<string[]> {
  const prefix = serviceKeys.historyOf(schedule);
  const keys = await runs.list(prefix);
  return keys.filter((key) => /^[\d-]{10}T[\d:.]{12}Z-[^/]+\.json$/.test(key.slice(prefix.length)));
}

/** What this version of igd cannot read is counted: one bad record stops no run. */
async function readEntry(runs: Store, key: string): Promise<HistoryEntry | undefined> {
  const bytes = await runs.get(key);
  try {
    return historyEntrySchema.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  } catch {
    return undefined;
  }
}

/** All that a schedule's records tell, oldest first. */
export async function readHistory(runs: Store, schedule: string): Promise<History> {
  return historyAt(runs, schedule, await entryKeys(runs, schedule));
}

async function historyAt(runs: Store, schedule: string, keys: readonly string[]): Promise<History> {
  const read = await readAll(keys, (key) => readEntry(runs, key));
  const entries = read.filter((entry) => entry !== undefined);
  const unreadable = read.length - entries.length;
  return { schema: 'igd.history/1', schedule, igdVersion: igdVersion(), entries, unreadable };
}

/** The newest entry that each of a run's histories has of it. */
export async function entriesOf(runs: Store, run: string): Promise<HistoryEntry[]> {
  const found = (await historiesOf({ runs }, run)).map(async ({ schedule }) => {
    const keys = await entryKeys(runs, schedule);
    const newest = keys.findLast((key) => key.slice(serviceKeys.historyOf(schedule).length + 25) === `${run}.json`);
    return newest === undefined ? undefined : readEntry(runs, newest);
  });
  return (await Promise.all(found)).filter((entry) => entry !== undefined);
}

/**
 * Writes a schedule's page, and history.json for programs, of its records. Who has written looks again: of several, the one that
 * writes last has seen every record, or another one writes after it.
 */
export async function writeHistory(runs: Store, schedule: string): Promise<void> {
  // What draws is loaded by those who draw.
  const { historyPage } = await import('../../report/history/page.ts');
  for (let written: string | undefined; ; ) {
    const keys = await entryKeys(runs, schedule);
    if (keys.join() === written) return;
    const history = await historyAt(runs, schedule, keys);
    const folder = serviceKeys.historyOf(schedule);
    await runs.put(`${folder}index.html`, historyPage(history));
    await runs.put(`${folder}history.json`, `${JSON.stringify(historySchema.parse(history), null, 1)}\n`);
    written = keys.join();
  }
}
