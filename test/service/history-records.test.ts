import { beforeEach, describe, expect, test } from 'vitest';
import { reportJson } from '../../src/report/data-files.ts';
import type { HistoryEntry } from '../../src/schemas/history.ts';
import { encodeRecord } from '../../src/schemas/parse-record.ts';
import { type Outcome, remoteKeys, serviceKeys } from '../../src/schemas/service.ts';
import type { ServiceContext } from '../../src/service/context.ts';
import { appendAttempt } from '../../src/service/history/append.ts';
import { readHistory } from '../../src/service/history/records.ts';
import { markScheduled } from '../../src/service/history/schedules.ts';
import { historySubject, mostUrgent, tellOfFiring } from '../../src/service/history/tell.ts';
import { subjectLine } from '../../src/service/notify.ts';
import { claimAttempt, endAttempt, indexedRun, markNotified } from '../../src/service/run-index.ts';
import { MemoryStore } from '../../src/stores/memory-store.ts';
import { breaking, changedRun } from '../unit/report/compare-fixture.ts';

const A = changedRun();
const B = changedRun(breaking(A, 'loir', 20));
const day = (number: number, time = '03:00:00.000Z') => `2026-11-${String(number).padStart(2, '0')}T${time}`;

let runs: MemoryStore;
let ctx: ServiceContext;
let mails: string[];

beforeEach(() => {
  runs = new MemoryStore();
  mails = [];
  const unused = () => {
    throw new Error('unused');
  };
  ctx = {
    service: {
      stack: 'igd',
      region: 'r',
      buckets: { inputs: 'i', rankings: 'k', runs: 'b' },
      queues: { gpu: 'g', cpu: 'c' },
      jobDefinitions: { gpu: 'g', cpu: 'c' },
      gpuDevice: 'cuda',
      topicArn: 't',
      retentionDays: 0,
      hourDollars: { gpu: 1, cpu: 1 },
      maxDollars: null,
      fairShare: false,
      onDemand: null,
    },
    runs,
    rankings: runs,
    queue: {
      submit: unused,
      describe: unused,
      find: unused,
      terminate: unused,
      pendingReasons: unused,
      newestRevision: unused,
    },
    notify: async ({ subject }) => void mails.push(subject),
    publish: async () => undefined,
    uploaded: unused,
    localise: unused,
    now: () => new Date(day(30)),
  };
});

type Ended = Partial<Pick<Outcome, 'status'>> & { attempt?: number; schedule?: string; endedAt?: string };

/** A run of a schedule that fired, began and ended; its own report, or that of a part. */
async function ran(run: string, at: string, of: typeof A, { status = 'complete', ...ended }: Ended = {}) {
  const { attempt = 1, schedule = 'weekly', endedAt = at.replace('T03', 'T05') } = ended;
  await claimAttempt(ctx, run, attempt, { schema: 'igd.claim/1', config: schedule, at });
  await markScheduled(ctx, run, { schedule, at });
  const prefix = `${serviceKeys.run(run)}${status === 'partial' ? remoteKeys.partial(attempt) : ''}`;
  if (status !== 'failed') {
    await runs.put(`${prefix}images.csv`, of.csv);
    await runs.put(`${prefix}report.json`, reportJson(of.report));
  }
  const outcome: Outcome = { schema: 'igd.outcome/1', status, message: 'out of memory', at: endedAt };
  await endAttempt(ctx, run, attempt, outcome);
  return appendAttempt(ctx, { run, attempt, outcome });
}

/** The schedule fires for a run that has ended, `tries` times. */
async function fired(run: string, at: string, tries = 1): Promise<void> {
  for (let count = 0; count < tries; count += 1) {
    await markScheduled(ctx, run, { schedule: 'weekly', at });
    await tellOfFiring(ctx, { schedule: 'weekly', at }, await indexedRun(ctx, run));
  }
}

async function told(schedule = 'weekly'): Promise<string[]> {
  const { entries } = await readHistory(runs, schedule);
  return entries.map(
    ({ at, run, comparison }: HistoryEntry) =>
      `${at.slice(8, 10)} ${run} ${comparison.verdict}: ${comparison.sentence}`,
  );
}

const FIRST = 'first: there is nothing before to compare with';

describe('the history of a schedule', () => {
  test('compares what a checkpoint that came back is with the one between, though nothing is computed', async () => {
    await ran('a', day(1), A);
    await ran('b', day(8), B);
    await fired('a', day(15), 3);
    await fired('a', day(22));
    expect(await told()).toEqual([
      `01 a ${FIRST}`,
      '08 b regressed: robust accuracy of loir fell 10.0 points (p < 0.001) since 1 November',
      '15 a improved: robust accuracy of loir rose 10.0 points (p < 0.001) since 8 November',
      '22 a unchanged: nothing changed since 15 November: same config, same inputs, nothing computed again',
    ]);
    expect(mails).toHaveLength(2);
  });

  test('says that a run failed, and that firing again does not start it again', async () => {
    await ran('a', day(1), A);
    const [failed] = await ran('b', day(8), B, { status: 'failed' });
    await fired('b', day(15));
    await ran('c', day(22), B);
    expect(await told()).toEqual([
      `01 a ${FIRST}`,
      '08 b no-results: no results: out of memory',
      '15 b no-results: nothing was started: the run of this config and these inputs has ended without results, and "igd retry b" goes on with it',
      '22 c regressed: robust accuracy of loir fell 10.0 points (p < 0.001) since 1 November',
    ]);
    expect(historySubject(failed!)).toBe('igd weekly (failed): b is failed');
    const ofSweep = { ...failed!, schedule: 'every-night.importantUnits=25' };
    expect(historySubject(ofSweep)).toBe('igd every-nigh...antUnits=25 (failed): b is failed');
    expect(historySubject({ ...failed!, status: 'held' })).toBe('igd weekly (held): b waits for approval');
  });

  test('compares a retry with the run before, not with its own part', async () => {
    await ran('a', day(1), A);
    const part = changedRun(breaking(A, 'loir', 20), { images: 100 });
    const [partial] = await ran('b', day(8), part, { status: 'partial' });
    await ran('b', day(9), B, { attempt: 2 });
    const { entries } = await readHistory(runs, 'weekly');
    expect(entries.map(({ at, attempt, status }) => [at, attempt, status])).toEqual([
      [day(1), 1, 'complete'],
      [day(8), 1, 'partial'],
      [day(9), 2, 'complete'],
    ]);
    expect(entries.slice(1).map(({ comparison }) => comparison)).toMatchObject([
      { verdict: 'regressed', images: 100, since: { run: 'a' } },
      { verdict: 'regressed', images: 200, since: { run: 'a' } },
    ]);
    expect(historySubject(partial!)).toMatch(/^igd weekly \(partial\): robust accuracy of loir fell 20\.0 points/);
  });

  test('is in the order in which runs began, whenever they end', async () => {
    await ran('b', day(8), B, { endedAt: day(9) });
    await ran('a', day(1), A, { endedAt: day(10) });
    await ran('c', day(15), A);
    expect(await told()).toEqual([
      `01 a ${FIRST}`,
      `08 b ${FIRST}`,
      '15 c improved: robust accuracy of loir rose 10.0 points (p < 0.001) since 8 November',
    ]);
  });

  test('has no second entry of a firing that Lambda tries again after its run has ended', async () => {
    await claimAttempt(ctx, 'a', 1, { schema: 'igd.claim/1', config: 'weekly', at: day(1, '03:00:07.000Z') });
    await markScheduled(ctx, 'a', { schedule: 'weekly', at: day(1) });
    await ran('a', day(1), A);
    await fired('a', day(1), 2);
    expect(await told()).toEqual([`01 a ${FIRST}`]);
    expect(mails).toEqual([]);
  });

  test('has the run that others began after it was to fire, where its event was late', async () => {
    await claimAttempt(ctx, 'a', 1, { schema: 'igd.claim/1', config: 'by hand', at: day(2) });
    const outcome = { schema: 'igd.outcome/1', status: 'complete', message: '', at: day(3) } as const;
    await runs.put(`${serviceKeys.run('a')}images.csv`, A.csv);
    await runs.put(`${serviceKeys.run('a')}report.json`, reportJson(A.report));
    await endAttempt(ctx, 'a', 1, outcome);
    await fired('a', day(1));
    expect(await told()).toEqual([]);
    await markNotified(ctx, 'a', 1);
    await fired('a', day(1), 2);
    expect(await told()).toEqual([`02 a ${FIRST}`]);
    expect(mails).toEqual(['igd weekly: a is complete']);
  });

  test('is of each schedule that asks for a run; the mail is about what is worst', async () => {
    await ran('a', day(1), A);
    await markScheduled(ctx, 'b', { schedule: 'other', at: day(8) });
    const entries = await ran('b', day(8), B);
    expect(entries.map(({ schedule, comparison }) => [schedule, comparison.verdict])).toEqual([
      ['other', 'first'],
      ['weekly', 'regressed'],
    ]);
    expect(mostUrgent(entries)?.schedule).toBe('weekly');
  });

  test('does not compare with files that are gone or of other data, and says so', async () => {
    await ran('a', day(1), A);
    await runs.remove(`${serviceKeys.run('a')}images.csv`);
    await ran('b', day(8), B);
    const other = structuredClone(A);
    other.report.dataset.test.sha256 = 'f'.repeat(64);
    await ran('c', day(15), other);
    await ran('d', day(22), A);
    const sentences = await told();
    expect(sentences[1]).toMatch(
      /^08 b not-compared: not compared with 1 November: the files of run a are gone \(runs\/a\/images\.csv is not there/,
    );
    expect(sentences[2]).toMatch(
      /^15 c not-compared: not compared with 8 November: test data: cifar10 .* before, cifar10 .*ffffffffffff now$/,
    );
    expect(sentences[3]).toBe('22 d improved: robust accuracy of loir rose 10.0 points (p < 0.001) since 8 November');
  });

  test('goes on beside records that it cannot read', async () => {
    await runs.put(serviceKeys.historyEntry('weekly', day(1), 'a'), encodeRecord({ schema: 'igd.history-entry/9' }));
    await ran('b', day(8), B);
    expect(await told()).toEqual([`08 b ${FIRST}`]);
    const page = new TextDecoder().decode(await runs.get('history/weekly/index.html'));
    expect(page).toContain('1 record of another version of igd left out');
  });

  test('keeps a mail of a long name within what SNS takes', async () => {
    const schedule = 'a-schedule-with-a-name-of-just-sixty-four-letters-which-are-allowed'.slice(0, 64);
    await ran('a', day(1), A, { schedule });
    const [entry] = await ran('b', day(8), B, { schedule });
    expect(historySubject(entry!).length).toBeLessThanOrEqual(100);
    expect(subjectLine('igd a: robust accuracy by \u22120.5 points')).toBe('igd a: robust accuracy by -0.5 points');
  });
});
