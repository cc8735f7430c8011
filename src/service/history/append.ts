import { InputError, messageOf } from '../../errors.ts';
import type { RunOutcomes } from '../../report/compare/run-outcomes.ts';
import {
  comparedWith,
  compareWith,
  type EarlierResults,
  notCompared,
  otherQuestion,
  resultsOf,
  unchangedSince,
} from '../../report/history/compare-entry.ts';
import { readRun } from '../../runs/catalogue/read-run.ts';
import { type HistoryComparison, type HistoryEntry, historyEntrySchema } from '../../schemas/history.ts';
import { runKeys } from '../../schemas/keys.ts';
import { encodeRecord, readRecord } from '../../schemas/parse-record.ts';
import { type Outcome, remoteKeys, serviceKeys } from '../../schemas/service.ts';
import { type Store, within } from '../../stores/store.ts';
import type { ServiceContext } from '../context.ts';
import { folderOf, partLabels } from '../parts.ts';
import { claimOf, type IndexedRun, outcomeOf } from '../run-index.ts';
import { readHistory, writeHistory } from './records.ts';
import { type Firing, historiesAt, historiesOf, type RunHistory } from './schedules.ts';

/** An attempt that has ended, as one of a schedule. */
interface EndedAttempt extends Pick<IndexedRun, 'run' | 'attempt'> {
  readonly outcome: Outcome;
}

/**
 * Adds an attempt that has ended to the history of each schedule that asks for its run; gives the entries. Whoever does it again
 * finds the entries that there are. An entry is of the time when the attempt began: so inputs are in the order in which they were read.
 */
export async function appendAttempt(ctx: ServiceContext, ended: EndedAttempt): Promise<HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  for (const history of await historiesOf(ctx, ended.run)) {
    const at = await beginningOf(ctx, ended, history.at);
    entries.push(await appendEntry(ctx, { ...history, at }, ended, false));
  }
  return entries;
}

/**
 * Adds that a schedule fired for a run that had ended before: nothing was started. None where the run goes on: its end will be an
 * entry; and where it has one, since it is this very firing that started it.
 */
export async function appendFiring(ctx: ServiceContext, firing: Firing, indexed: IndexedRun): Promise<HistoryEntry[]> {
  const { run, attempt, ended, settled } = indexed;
  const outcome = ended ? await outcomeOf(ctx, run, attempt) : undefined;
  if (outcome === undefined) return [];
  const attempted = { run, attempt, outcome };
  const begun = await beginningOf(ctx, attempted, firing.at);
  const isRepeated = begun === firing.at;
  const entries: HistoryEntry[] = [];
  for (const history of historiesAt(
    { ...firing, at: begun },
    await partLabels(within(ctx.runs, serviceKeys.run(run))),
  )) {
    // The attempt was begun after it fired: by it, and Lambda tries it again, or by others, and then it has no entry here.
    const isThere = !isRepeated && (await ctx.runs.has(serviceKeys.historyEntry(history.schedule, begun, run)));
    if (isRepeated || (settled && !isThere)) entries.push(await appendEntry(ctx, history, attempted, isRepeated));
  }
  return entries;
}

/** Adds that a schedule's config was rejected: there is a gap in its results, and why. */
export async function appendRejection(
  ctx: ServiceContext,
  { schedule, at }: Firing,
  problems: readonly string[],
): Promise<HistoryEntry> {
  const facts = { schema: 'igd.history-entry/1', schedule, at, run: null, attempt: 0, status: 'rejected' } as const;
  const sentence = `no results: the config was rejected: ${problems.join('; ')}`;
  const comparison = { verdict: 'no-results', sentence } as const;
  return writeEntry(ctx, serviceKeys.historyEntry(schedule, at, 'rejected'), async () => ({
    ...facts,
    endedAt: ctx.now().toISOString(),
    results: null,
    comparison,
  }));
}

async function beginningOf(ctx: ServiceContext, { run, attempt }: EndedAttempt, first: string): Promise<string> {
  const claim = await claimOf(ctx, run, attempt);
  const begun = claim === undefined ? first : new Date(claim.at).toISOString();
  return begun > first ? begun : first;
}

function appendEntry(
  ctx: ServiceContext,
  history: RunHistory,
  ended: EndedAttempt,
  isRepeated: boolean,
): Promise<HistoryEntry> {
  const key = serviceKeys.historyEntry(history.schedule, history.at, ended.run);
  return writeEntry(ctx, key, () => newEntry(ctx, history, ended, isRepeated));
}

/** The entry, whoever wrote it; the page is written again, since who wrote the entry may have got no further. */
async function writeEntry(
  { runs }: ServiceContext,
  key: string,
  make: () => Promise<HistoryEntry>,
): Promise<HistoryEntry> {
  const known = await readRecord(runs, key, historyEntrySchema);
  const entry = known ?? (await make());
  const isNew = known === undefined && (await runs.putNew(key, encodeRecord(historyEntrySchema.parse(entry))));
  const written = isNew ? entry : ((await readRecord(runs, key, historyEntrySchema)) ?? entry);
  await writeHistory(runs, written.schedule);
  return written;
}

async function newEntry(
  { runs }: ServiceContext,
  { schedule, at, label }: RunHistory,
  { run, attempt, outcome }: EndedAttempt,
  isRepeated: boolean,
): Promise<HistoryEntry> {
  const facts = { schema: 'igd.history-entry/1', schedule, at, run, attempt } as const;
  const entry = { ...facts, status: outcome.status, endedAt: outcome.at };
  const prefix = await reportPrefix(runs, { run, attempt, outcome }, label);
  const now = prefix === undefined ? outcome.message : await outcomesAt(runs, run, prefix);
  if (prefix === undefined || typeof now === 'string')
    return {
      ...entry,
      results: null,
      comparison: withoutResults(String(now), { run, outcome }, isRepeated && prefix === undefined),
    };
  const { entries } = await readHistory(runs, schedule);
  const earlier = entries.flatMap((other): EarlierResults[] => {
    // A retry adds to its own attempt before: what is new stands against another run.
    const counts = other.at < at && (isRepeated || other.run !== run);
    if (!counts || other.run === null || other.results === null) return [];
    return [{ at: other.at, run: other.run, results: other.results }];
  });
  const results = resultsOf(now.report, prefix);
  const before = comparedWith(results, earlier);
  if (before === undefined)
    return { ...entry, results, comparison: { verdict: 'first', sentence: 'there is nothing before to compare with' } };
  return { ...entry, results, comparison: await compared(runs, before, { run, at, results }, now) };
}

async function compared(
  runs: Store,
  before: EarlierResults,
  { run, at, results }: EarlierResults,
  now: RunOutcomes,
): Promise<HistoryComparison> {
  if (before.run === run) return unchangedSince(before, at);
  const why = otherQuestion(results, before.results);
  if (why !== undefined) return notCompared(before, at, why);
  const earlier = await outcomesAt(runs, before.run, before.results.report);
  if (typeof earlier === 'string')
    return notCompared(before, at, `the files of run ${before.run} are gone (${earlier}); -c retentionDays keeps runs`);
  return compareWith(before, earlier, now, at);
}

/** Where an attempt left the report of a part; undefined where it left none. Of a sweep that is partial some parts may be whole. */
async function reportPrefix(
  runs: Store,
  { run, attempt, outcome: { status } }: EndedAttempt,
  label: string,
): Promise<string | undefined> {
  if (status !== 'complete' && status !== 'partial') return undefined;
  const whole = `${serviceKeys.run(run)}${folderOf(label)}`;
  if (status === 'complete') return whole;
  const partial = `${serviceKeys.run(run)}${remoteKeys.partial(attempt)}${folderOf(label)}`;
  // A run of a sweep that is whole by itself has its own report, one that has no shard to report on none.
  const places = label === '' ? [partial] : [partial, whole];
  for (const place of places) if (await runs.has(`${place}${runKeys.report('report.json')}`)) return place;
  return label === '' ? partial : undefined;
}

/** A run's outcomes, or why they cannot be read. The plan lies beside the report of a whole run alone. */
async function outcomesAt(runs: Store, run: string, prefix: string): Promise<RunOutcomes | string> {
  const folder = prefix.slice(serviceKeys.run(run).length).replace(/^partial\/\d{3}\//, '');
  const [whole, own] = [within(runs, `${serviceKeys.run(run)}${folder}`), within(runs, prefix)];
  const store: Store = { ...own, get: (key) => (key === runKeys.plan ? whole : own).get(key) };
  try {
    return await readRun({ store, where: (key) => `${prefix}${key}` });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return messageOf(error);
  }
}

function withoutResults(
  why: string,
  { run, outcome }: Pick<EndedAttempt, 'run' | 'outcome'>,
  isStopped: boolean,
): HistoryComparison {
  const [what, command] =
    outcome.status === 'held' ? ['waits for approval', 'approve'] : ['has ended without results', 'retry'];
  const sentence = isStopped
    ? `nothing was started: the run of this config and these inputs ${what}, and "igd ${command} ${run}" goes on with it`
    : `no results: ${why.replace(/\.$/, '')}`;
  return { verdict: 'no-results', sentence };
}
