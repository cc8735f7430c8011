import './quiet.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { plan } from '../../functions/planner/handler.ts';
import { historySchema } from '../../src/schemas/history.ts';
import { serviceKeys } from '../../src/schemas/service.ts';
import { busPublisher } from '../../src/service/history/event-bus.ts';
import { reconcileRun } from '../../src/service/reconcile.ts';
import { S3Store } from '../../src/stores/s3/store.ts';
import { igd, scratch } from '../support/cli.ts';
import { inProcess } from './cluster.ts';
import { remoteConfig, type Scene, scene, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

const CHECKPOINT = 'shapes10-rn18-w8.pt';

/** Where the weights of the last layer lie in the file, [10, 64] float32. */
const HEAD = { offset: 326_272, bytes: 2560 };

/** The checkpoint with the classes of its last layer moved on by one: it is wrong on all that it was right on. */
async function spoiled(): Promise<Uint8Array> {
  const bytes = await readFile(`examples/demo/${CHECKPOINT}`);
  const head = bytes.subarray(HEAD.offset, HEAD.offset + HEAD.bytes);
  head.set(Buffer.concat([head.subarray(256), head.subarray(0, 256)]));
  return bytes;
}

const CONFIG = remoteConfig({
  name: 'demo',
  variants: ['none'],
  threat: { norm: 'Linf', epsilon: 0.0005 },
  suite: [{ attack: 'apgd-ce', iterations: 1 }],
  compute: { batchSize: 8, imagesPerShard: 8 },
});

const FELL = 'robust accuracy fell 87.5 points (p = 0.031) since 12 November; so did 1 more measure';
const UNCHANGED = 'nothing changed since 19 November: same config, same inputs, nothing computed again';

describe.runIf(hasMoto)('the history of a schedule', () => {
  let moto: Moto;
  let stage: Scene;
  let clock = '';
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
    stage = await scene(moto, { now: () => new Date(clock) });
    // To EventBridge too.
    const [send, { publish: keep }] = [busPublisher(), stage.ctx];
    const publish = (event: Scene['events'][number]) => send(event).then(() => keep(event));
    stage = { ...stage, ctx: { ...stage.ctx, publish } };
  }, 60_000);
  afterAll(() => moto.stop());

  /** As EventBridge Scheduler does, and Lambda a little later. */
  const fire = async (at: string, changes: Partial<Scene['ctx']> = {}, later = '03:00:07Z') => {
    clock = at.replace('03:00:00Z', later);
    await plan({ ...stage.ctx, ...changes }, { schedule: { name: 'nightly', config: CONFIG, at } });
    const answer = await stage.ctx.runs.get(serviceKeys.accepted('nightly'));
    return String(JSON.parse(new TextDecoder().decode(answer)).run);
  };
  /** Until all jobs have ended: what is left is the run's end. */
  const compute = async () => {
    for (const event of await stage.cluster.run(inProcess)) await handleEvent(stage.ctx, event);
    await stage.cluster.run(inProcess);
  };
  const history = async () => {
    const bytes = await stage.ctx.runs.get('history/nightly/history.json');
    return historySchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  };
  const page = async () => new TextDecoder().decode(await stage.ctx.runs.get('history/nightly/index.html'));
  const subjects = () => stage.notices.map(({ subject }) => subject);
  let [first, second] = ['', ''];

  test('begins with what there is nothing to compare with', async () => {
    first = await fire('2026-11-12T03:00:00Z');
    await compute();
    clock = '2026-11-12T04:00:00Z';
    await Promise.all([1, 2].map(() => reconcileRun(stage.ctx, first)));
    expect(subjects()).toEqual([`igd nightly: ${first} is complete`]);
    expect(stage.events.map(({ comparison }) => comparison.verdict)).toEqual(['first']);
    expect((await history()).entries).toMatchObject([
      { at: '2026-11-12T03:00:07.000Z', run: first, status: 'complete', endedAt: '2026-11-12T04:00:00.000Z' },
    ]);
  }, 120_000);

  test('says that a changed checkpoint is worse: in a mail, an event, a page, for CI; once, by two finalizers', async () => {
    const inputs = new S3Store({ bucket: moto.service.buckets.inputs, prefix: 'demo/' });
    await inputs.put(CHECKPOINT, await spoiled());
    second = await fire('2026-11-19T03:00:00Z');
    expect(second).not.toBe(first);
    await compute();
    clock = '2026-11-19T04:00:00Z';
    // The first to end it cannot send the event: nothing is lost, and who takes over finds the entry.
    const cannotSend = { ...stage.ctx, publish: () => Promise.reject(new Error('no bus')) };
    await expect(reconcileRun(cannotSend, second)).rejects.toThrow('no bus');
    const written = (await history()).entries;
    expect(written).toHaveLength(2);
    expect(subjects()).toHaveLength(1);
    clock = '2026-11-19T04:16:00Z';
    await Promise.all([1, 2].map(() => reconcileRun(stage.ctx, second)));
    expect((await history()).entries).toEqual(written);
    expect(subjects().slice(1)).toEqual([`igd nightly: ${FELL}`]);
    expect(stage.notices[1]?.text).toContain(`Compared with ${first} on the 8 images that both have.\ncheckpoint: `);
    expect(stage.events.slice(1)).toMatchObject([
      { schedule: 'nightly', run: second, comparison: { verdict: 'regressed', since: { run: first }, images: 8 } },
    ]);
    expect(await page()).toContain(`<span class="fell">R${FELL.slice(1)}</span>`);
    expect(await page()).toContain(`<a href="../../runs/${first}/report.html">${first}</a>`);
    const service = ['--service', JSON.stringify(stage.ctx.service)];
    expect(await igd(['status', second, '--fail-on-regression', ...service])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`history   nightly: ${FELL}`),
      stderr: expect.stringContaining(`nightly: ${FELL}`),
    });
    // By the name of the schedule: its newest run.
    const { stdout, code } = await igd(['status', 'nightly', '--json', ...service]);
    expect([code, JSON.parse(stdout).history]).toMatchObject([0, [{ comparison: { verdict: 'regressed' } }]]);
  }, 120_000);

  test('says that nothing changed, once, however often the planner is called', async () => {
    const cannotTell = { notify: () => Promise.reject(new Error('no mail')) };
    await expect(fire('2026-11-26T03:00:00Z', cannotTell)).rejects.toThrow('no mail');
    // Lambda tries again after one minute and after two more; EventBridge may call twice.
    for (const later of ['03:01:07Z', '03:03:07Z'])
      expect(await Promise.all([1, 2].map(() => fire('2026-11-26T03:00:00Z', {}, later)))).toEqual([second, second]);
    expect(subjects().slice(2)).toEqual([`igd nightly: ${UNCHANGED}`]);
    expect(stage.events.at(-1)).toMatchObject({ run: second, comparison: { verdict: 'unchanged', tests: [] } });
    const { entries } = await history();
    expect(entries.map(({ at, run }) => [at.slice(0, 10), run])).toEqual([
      ['2026-11-12', first],
      ['2026-11-19', second],
      ['2026-11-26', second],
    ]);
    expect(await page()).toContain(UNCHANGED.slice(1));
    expect(stage.cluster.jobs).toHaveLength(4);
  });

  test('does not pass for CI where its newest config was rejected', async () => {
    const service = ['--service', JSON.stringify(stage.ctx.service)];
    expect(await igd(['status', 'nightly', '--fail-on-regression', ...service])).toMatchObject({ code: 0 });
    clock = '2026-12-03T03:00:07Z';
    await plan(stage.ctx, { schedule: { name: 'nightly', config: {}, at: '2026-12-03T03:00:00Z' } });
    expect(await igd(['status', 'nightly', '--fail-on-regression', ...service])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the service rejected nightly:'),
    });
    const { entries } = await history();
    expect(entries.at(-1)).toMatchObject({
      at: '2026-12-03T03:00:00.000Z',
      run: null,
      status: 'rejected',
      results: null,
    });
    expect(stage.events.at(-1)).toMatchObject({ run: null, comparison: { verdict: 'no-results' } });
    expect(await page()).toContain('No results: the config was rejected: ');
    expect(subjects().at(-1)).toBe('igd: config nightly was rejected');
  });

  test('can be downloaded', async () => {
    const folder = scratch();
    const download = (name: string) =>
      igd(['download', name, '--history', '--to', folder.path('to'), '--service', JSON.stringify(stage.ctx.service)]);
    expect(await download('nightly')).toMatchObject({ code: 0, stdout: expect.stringContaining('to/index.html') });
    expect(readdirSync(folder.path('to')).sort()).toEqual(['history.json', 'index.html']);
    expect(readFileSync(folder.path('to/index.html'), 'utf8')).toBe(await page());
    expect(await download('weekly')).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no history') });
    folder.remove();
  });

  test('is not asked of a run without a schedule', async () => {
    const { run } = { run: 'by-hand' };
    await stage.ctx.runs.put(
      serviceKeys.claim(run, 1),
      '{"schema":"igd.claim/1","config":"c","at":"2026-11-12T03:00:00Z"}',
    );
    const service = ['--service', JSON.stringify(stage.ctx.service)];
    expect(await igd(['status', run, '--fail-on-regression', ...service])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('run by-hand is of no schedule'),
    });
  });
});
