// Writes the history of a schedule that never was, for its picture: ten weeks of made-up runs on 500 images, whose checkpoint was trained
// further five times, the last time for the worse.
//
// npx tsx scripts/made-up-history.ts FOLDER
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareWith, type EarlierResults, resultsOf, unchangedSince } from '../src/report/history/compare-entry.ts';
import type { HistoryComparison, HistoryEntry } from '../src/schemas/history.ts';
import { type Change, changedRun } from '../test/unit/report/compare-fixture.ts';

const [folder = 'history'] = process.argv.slice(2);
const SCHEDULE = 'weekly-cifar10';
const IMAGES = 500;
const VERSION = '0.2.0';
const WEEKS_APART = 7 * 24 * 3600_000;
const START = Date.parse('2026-09-11T03:00:00.000Z');

/** Checkpoints by the week of their first run: shares of the broken images of each variant that hold out, or of the others that do not. */
const CHECKPOINTS: Readonly<Record<number, { readonly none: number; readonly loir: number }>> = {
  0: { none: 0, loir: 0 },
  2: { none: 0.02, loir: 0.04 },
  3: { none: 0.03, loir: 0.12 },
  5: { none: 0.05, loir: 0.13 },
  6: { none: 0.1, loir: 0.2 },
  9: { none: 0.04, loir: -0.12 },
};

/** Mends or breaks some of the images of a variant, each at a strength of its own. */
function trained(week: number): Change {
  const shares = CHECKPOINTS[week];
  return ({ image, label, cleanPrediction, brokenBy }, variant) => {
    const share = variant === 'none' ? shares?.none : shares?.loir;
    const isChosen = draw(`${variant} ${image}`) < Math.abs(share ?? 0) || draw(`${week} ${variant} ${image}`) < 0.01;
    if (!isChosen || share === undefined || label !== cleanPrediction) return {};
    if (brokenBy === null) return share < 0 ? { brokenBy: 'square', adversarialPrediction: (label + 1) % 10 } : {};
    return share > 0 ? { brokenBy: null, adversarialPrediction: label } : {};
  };
}

/** In [0, 1). */
function draw(key: string): number {
  return createHash('sha256').update(key).digest().readUInt32LE() / 2 ** 32;
}

function runOf(week: number) {
  const { report, ...run } = changedRun(trained(week), { images: IMAGES });
  const sha256 = createHash('sha256').update(`checkpoint ${week}`).digest('hex');
  const named = { ...report.run, name: SCHEDULE, igdVersion: VERSION };
  return { ...run, report: { ...report, run: named, checkpoint: { ...report.checkpoint, sha256 } } };
}

const entries: HistoryEntry[] = [];
let last: { readonly run: ReturnType<typeof runOf>; readonly earlier: EarlierResults } | undefined;
for (let week = 0; week < 10; week++) {
  const at = new Date(START + week * WEEKS_APART).toISOString();
  const fired = { schema: 'igd.history-entry/1', schedule: SCHEDULE, at, attempt: 1, endedAt: at } as const;
  if (last !== undefined && CHECKPOINTS[week] === undefined) {
    const { run, results } = last.earlier;
    entries.push({ ...fired, status: 'complete', run, results, comparison: unchangedSince(last.earlier, at) });
    continue;
  }
  const run = runOf(week);
  const name = `${SCHEDULE}-${at.slice(0, 10)}`;
  const results = resultsOf(run.report, `runs/${name}/`);
  const first: HistoryComparison = { verdict: 'first', sentence: 'there is nothing before to compare with' };
  const comparison = last === undefined ? first : compareWith(last.earlier, last.run, run, at);
  entries.push({ ...fired, status: 'complete', run: name, results, comparison });
  last = { run, earlier: { at, run: name, results } };
  write(name, 'report.json', JSON.stringify(run.report));
  write(name, 'images.csv', run.csv);
}
const history = { schema: 'igd.history/1', schedule: SCHEDULE, igdVersion: VERSION, entries, unreadable: 0 };
write(SCHEDULE, 'history.json', JSON.stringify(history));

function write(below: string, name: string, text: string): void {
  mkdirSync(join(folder, below), { recursive: true });
  writeFileSync(join(folder, below, name), text);
}
