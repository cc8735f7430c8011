import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgress } from '../../src/cli/progress.ts';
import type { JobProgress } from '../../src/runs/jobs/executor.ts';
import type { Job } from '../../src/runs/planning/plan.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** What was written, as one text. */
function watch(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  const progress = runProgress({ write, isTTY, columns: 200 }, {});
  const last = () => written.at(-1) ?? '';
  return { progress, written, last, json: () => JSON.parse(last()) };
}

const shard = (index: number): Job => ({ kind: 'evaluate', variant: 'conf@0.8', shard: index });
const at = (fraction: number, evaluations: number, more: Partial<JobProgress> = {}): JobProgress => ({
  fraction,
  evaluations,
  attack: 'apgd-t',
  robust: 14,
  total: 32,
  ...more,
});

describe('the progress of a run', () => {
  test('on a terminal names attack, robust images, speed and time left', () => {
    const { progress, last } = watch(true);
    progress.stage('evaluate', { total: 4, done: 0 });
    vi.advanceTimersByTime(10_000);
    progress.progress(shard(0), at(0.5, 3000));
    vi.advanceTimersByTime(10_000);
    progress.progress(shard(1), at(0.5, 5000));
    // A quarter of the stage in 20 seconds: 60 to go.
    expect(last()).toBe(
      '\r\x1b[Kevaluate [######------------------] 25% 0/4 · conf@0.8 apgd-t · 14/32 robust · 400 evaluations/s · 1:00 left',
    );
    progress.end();
    expect(last()).toBe('\n');
  });

  test('piped is JSON lines with evaluations and seconds left, one every two seconds and at every job that ends', () => {
    const { progress, written, json } = watch(false);
    progress.stage('evaluate', { total: 2, done: 0 });
    for (let step = 1; step <= 40; step++) {
      vi.advanceTimersByTime(100);
      progress.progress(shard(0), at(step / 40, 10 * step));
    }
    expect(written).toHaveLength(1 + 2);
    expect(json()).toEqual({
      ...{ stage: 'evaluate', jobs: 2, jobsDone: 0, fraction: 0.5, secondsLeft: 4 },
      ...{ evaluations: 400, evaluationsPerSecond: 100, kind: 'evaluate', variant: 'conf@0.8', shard: 0 },
      ...{ attack: 'apgd-t', robust: 14, total: 32 },
    });
    progress.done(shard(0));
    expect(written).toHaveLength(1 + 2 + 1);
    expect(json()).toMatchObject({ jobsDone: 1, fraction: 0.5, evaluations: 400 });
  });

  test('does not take for its own what an earlier start did of a shard, and of the stage', () => {
    const { progress, json } = watch(false);
    const earlier = { fraction: 0.6, evaluations: 60_000 };
    progress.stage('evaluate', { total: 4, done: 2 });
    vi.advanceTimersByTime(10_000);
    progress.progress(shard(2), at(0.8, 60_500, { earlier }));
    // A fifth of a job in 10 seconds, and one and a fifth to go.
    const resumed = json();
    expect(resumed).toMatchObject({ fraction: 2.8 / 4, evaluations: 500, evaluationsPerSecond: 50 });
    expect(resumed.secondsLeft).toBeCloseTo(60, 9);
    vi.advanceTimersByTime(10_000);
    progress.progress(shard(2), at(1, 61_000, { earlier }));
    progress.done(shard(2));
    expect(json()).toMatchObject({ jobsDone: 3, evaluations: 1000, evaluationsPerSecond: 50 });
    expect(json().secondsLeft).toBeCloseTo(50, 9);
  });

  test('begins anew with each stage', () => {
    const { progress, json } = watch(false);
    progress.stage('rank', { total: 1, done: 0 });
    vi.advanceTimersByTime(5000);
    progress.progress({ kind: 'rank', method: 'loir' }, { fraction: 1, evaluations: 1000 });
    progress.done({ kind: 'rank', method: 'loir' });
    progress.stage('evaluate', { total: 2, done: 0 });
    expect(json()).toEqual({
      ...{ stage: 'evaluate', jobs: 2, jobsDone: 0, fraction: 0, evaluations: 0, evaluationsPerSecond: 0 },
    });
  });
});

const ESCAPE = '\u001b';

describe('where there is little room, or nobody to redraw a line for', () => {
  /** What a run of four shards has written after three minutes. */
  function written(output: { isTTY?: boolean; columns?: number }, env: Record<string, string> = {}): string[] {
    const lines: string[] = [];
    const progress = runProgress(
      { write: (text: string | Uint8Array) => lines.push(String(text)) > 0, ...output },
      env,
    );
    progress.stage('evaluate', { total: 4, done: 0 });
    for (let step = 1; step <= 180; step++) {
      vi.advanceTimersByTime(1000);
      progress.progress(shard(Math.floor(step / 60)), at((step % 60) / 60, 100 * step));
      if (step % 60 === 59) progress.done(shard(Math.floor(step / 60)));
    }
    progress.end();
    return lines;
  }

  test.each([
    [40, /^evaluate \[[#-]{8}\] \d+% \d\/4 · \d+:\d\d left$/],
    [60, /^evaluate \d+% \d\/4 · conf@0\.8 apgd-t · \d+:\d\d left$/],
    [20, /^evaluate \d+% \d\/4/],
    [120, /^evaluate \[#+-+\] \d+% .* evaluations\/s · \d+:\d\d left$/],
  ])('a terminal of %i columns has one line of what matters most', (columns, form) => {
    const lines = written({ isTTY: true, columns }).map((line) => line.replace('\r\x1b[K', ''));
    for (const line of lines) expect(line.length).toBeLessThan(columns);
    expect(lines.at(-2)).toMatch(form);
  });

  test.each([{ CI: 'true' }, { CI: '1', NO_COLOR: '1' }])('a log (%j) has a line a minute, of text alone', (env) => {
    const lines = written({}, env);
    expect(lines.length).toBeLessThanOrEqual(1 + 3);
    for (const line of lines) expect(line).toMatch(/^evaluate \d+% \d\/4.*\n$/);
    expect(lines.join('')).not.toContain(ESCAPE);
    expect(lines.at(-1)).toMatch(/ left\n$/);
  });

  test('a log has no line for every shard that another process has done', () => {
    const lines: string[] = [];
    const progress = runProgress(
      { write: (text: string | Uint8Array) => lines.push(String(text)) > 0 },
      { CI: 'true' },
    );
    progress.stage('evaluate', { total: 4, done: 0 });
    for (const index of [0, 1, 2]) progress.elsewhere?.(shard(index));
    expect(lines).toEqual(['evaluate 0% 0/4\n']);
  });

  test('a CI service that gives its jobs a terminal has a log', () => {
    expect(written({ isTTY: true, columns: 80 }, { CI: 'true' }).join('')).not.toContain(ESCAPE);
  });

  test('a terminal that cannot go back in a line has a log', () => {
    expect(written({ isTTY: true, columns: 80 }, { TERM: 'dumb' }).join('')).not.toContain(ESCAPE);
  });

  test('there are no colours anywhere', () => {
    for (const env of [{}, { NO_COLOR: '1' }, { FORCE_COLOR: '1' }] as Record<string, string>[])
      expect(written({ isTTY: true, columns: 80 }, env).join('').replaceAll(`\r${ESCAPE}[K`, '')).not.toContain(ESCAPE);
  });
});
