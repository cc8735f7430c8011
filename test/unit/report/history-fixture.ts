import { compareWith, type EarlierResults, resultsOf } from '../../../src/report/history/compare-entry.ts';
import { type History, type HistoryEntry, historyEntrySchema } from '../../../src/schemas/history.ts';
import { breaking, changedRun } from './compare-fixture.ts';

export const THEN = '2026-11-12T03:00:07.000Z';
export const NOW = '2026-11-19T03:00:07.000Z';

export const BEFORE = changedRun();
export const earlier: EarlierResults = { at: THEN, run: 'demo-a', results: resultsOf(BEFORE.report, 'runs/demo-a/') };

export function entry(at: string, changes: Partial<HistoryEntry> = {}): HistoryEntry {
  return historyEntrySchema.parse({
    schema: 'igd.history-entry/1',
    schedule: 'weekly',
    at,
    run: 'demo-a',
    attempt: 1,
    status: 'complete',
    endedAt: at,
    results: earlier.results,
    comparison: { verdict: 'first', sentence: 'there is nothing before to compare with' },
    ...changes,
  });
}

const WORSE = changedRun(breaking(BEFORE, 'loir', 20));
/** Of a run that is worse by 20 images. */
export const fell = compareWith(earlier, BEFORE, WORSE, NOW);
export const history = (entries: readonly HistoryEntry[]): History => ({
  schema: 'igd.history/1',
  schedule: 'weekly',
  igdVersion: '0.2.0',
  entries: [...entries],
  unreadable: 0,
});
/** One that fell since the one before. */
export const TWO = history([
  entry(THEN),
  entry(NOW, { run: 'demo-b', results: resultsOf(WORSE.report, 'runs/demo-b/'), comparison: fell }),
]);
