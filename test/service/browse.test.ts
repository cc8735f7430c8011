import './quiet.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeRecord } from '../../src/schemas/parse-record.ts';
import { serviceKeys } from '../../src/schemas/service.ts';
import { S3Store } from '../../src/stores/s3/store.ts';
import { type Browsing, startBrowsing } from '../support/browse.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { putRun } from '../support/run-folders.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

describe.runIf(hasMoto)('igd browse on AWS', () => {
  let moto: Moto;
  let server: Browsing;

  beforeAll(async () => {
    moto = await startMoto();
    const bucket = moto.service.buckets.runs;
    const store = new S3Store({ bucket, prefix: '' });
    await putRun(store, serviceKeys.run('whole'));
    await putRun(store, `${serviceKeys.run('cut')}partial/002/`, { images: 30 });
    for (const run of ['cut', 'begun', 'dead'])
      await store.put(`${serviceKeys.run(run)}plan.json`, `{"config":{"name":"config of ${run}"}}`);
    const claim = (at: string) => encodeRecord({ schema: 'igd.claim/1', config: 'c', at });
    for (const run of ['whole', 'cut', 'begun', 'dead'])
      await store.put(serviceKeys.claim(run, 1), claim('2026-11-12T08:00:00Z'));
    const outcome = (status: string) =>
      encodeRecord({ schema: 'igd.outcome/1', status, message: '', at: '2026-11-13T09:30:00Z' });
    for (const [run, status] of [
      ['whole', 'complete'],
      ['cut', 'partial'],
      ['dead', 'failed'],
    ] as const)
      await store.put(serviceKeys.outcome(run, 1), outcome(status));
    // The environment names the service.
    server = await startBrowsing();
  });
  afterAll(async () => {
    await server.end('SIGTERM');
    await moto.stop();
  });

  test('shows the runs of the service, with what its records tell of them', async () => {
    const text = await (await fetch(server.url)).text();
    expect(text).toContain(`stack ${moto.service.stack}`);
    const rows = text.match(/<tr>.*<\/tr>/g)?.filter((row) => row.includes('scope="row"')) ?? [];
    const shown = Object.fromEntries(
      rows.map((row) => [
        /class="sub">(\w+)</.exec(row)?.[1],
        [/class="status (\w+)/.exec(row)?.[1], /datetime="([^"]*)"/.exec(row)?.[1]],
      ]),
    );
    const ended = '2026-11-13T09:30:00.000Z';
    expect(shown).toEqual({
      whole: ['complete', ended],
      cut: ['partial', ended],
      dead: ['failed', ended],
      begun: ['running', '2026-11-12T08:00:00.000Z'],
    });
  });

  test('compares two of them, the partial report among them', async () => {
    const page = await fetch(`${server.url}compare?a=whole&b=cut`);
    expect(await page.text()).toContain('Nothing changed: 30 images came to the same end.');
  });

  test('shows the histories of schedules, which lead to runs and comparisons of them', async () => {
    const store = new S3Store({ bucket: moto.service.buckets.runs, prefix: '' });
    await store.put(`${serviceKeys.historyOf('weekly')}history.json`, encodeRecord(historyOf('whole', 'cut', 'gone')));
    expect(await (await fetch(server.url)).text()).toContain(
      '<span class="sub">history, history/weekly<br>3 entries; 2026-11-14: fell</span>',
    );
    const page = await (await fetch(`${server.url}open?entry=history%2Fweekly`)).text();
    expect(page).toContain('<a href="open?entry=whole">whole</a>');
    expect(page).toContain('<a class="sub" href="compare?a=whole&amp;b=cut">side by side</a>');
    // Its files have been deleted.
    expect(page).not.toContain('entry=gone');
    expect(page).toContain('gone');
    await store.put(`${serviceKeys.historyOf('weekly')}history.json`, '{}');
    expect(await (await fetch(server.url)).text()).toContain(
      'history/weekly/history.json is no history of this version of igd',
    );
  });

  test('shows a part of a bucket that is named, whatever the environment says', async () => {
    const part = await startBrowsing([`s3://${moto.service.buckets.runs}/${serviceKeys.run('whole')}`]);
    expect(await (await fetch(part.url)).text()).toContain('1 entry');
    expect(await part.end('SIGTERM')).toBe(0);
  });

  test('is where a baseline of igd check may be', async () => {
    const baseline = `s3://${moto.service.buckets.runs}/${serviceKeys.run('whole')}`;
    const out = scratch();
    const config = writeJson(out.path('config.json'), smallConfig({ variants: ['none'] }));
    for (const uri of [baseline, `${baseline}report.json`])
      expect(await igd(['check', config, '--baseline', uri, '--out', out.path('run')])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(
          'the test data differ (rn18-thresholds: cifar10 s3://data/cifar10/test_batch.bin',
        ),
      });
    out.remove();
  });

  test('says what is wrong with a bucket before a browser asks', async () => {
    await expect(startBrowsing(['s3://igd-gone/runs'])).rejects.toThrow('there is no such bucket');
  });
});

/** Of three runs, each worse than the one before. */
function historyOf(...runs: readonly string[]): unknown {
  const share = { accuracy: 0.5, correct: 20, interval: [0.4, 0.6] };
  const results = {
    ...{ report: '', igdVersion: '0.2.0', numerics: 1, images: 40, isPartial: false, threat: 'Linf', suite: 'square' },
    checkpoint: { uri: 'a', sha256: 'b' },
    data: { uri: 'a', sha256: 'b', format: 'cifar10' },
    variants: [{ id: 'none', clean: share, robust: share }],
  };
  const timeOf = (place: number) => `2026-11-${12 + place}T03:00:00.000Z`;
  const [measure, interval] = ['robust', [-0.2, -0.05]];
  const tests = [{ variant: 'none', measure, before: 0.6, now: 0.5, difference: -0.1, interval, pValue: 0.01 }];
  const entries = runs.map((run, place) => {
    const at = timeOf(place);
    const since = { at: timeOf(place - 1), run: runs[place - 1] };
    const compared = { verdict: 'regressed', sentence: 'fell', since, images: 40, tests, differences: [] };
    return {
      ...{
        schema: 'igd.history-entry/1',
        schedule: 'weekly',
        at,
        run,
        attempt: 1,
        status: 'complete',
        endedAt: at,
        results,
      },
      comparison: place === 0 ? { verdict: 'first', sentence: 'nothing' } : compared,
    };
  });
  return { schema: 'igd.history/1', schedule: 'weekly', igdVersion: '0.2.0', entries, unreadable: 0 };
}
