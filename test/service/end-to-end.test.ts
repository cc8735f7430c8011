import './quiet.ts';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { handler as planner } from '../../functions/planner/handler.ts';
import { acceptanceSchema, serviceKeys } from '../../src/schemas/service.ts';
import { openServiceContext } from '../../src/service/context.ts';
import { listRuns } from '../../src/service/run-control.ts';
import { runStatus } from '../../src/service/status.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { asProcess, Cluster, type Container, inProcess } from './cluster.ts';
import { remoteConfig, textOf, timeless, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

/** Every third task in a process of its own. */
function mixed(): Container {
  const entrypoint = asProcess();
  let tasks = 0;
  return (env) => (tasks++ % 3 === 0 ? entrypoint(env) : inProcess(env));
}

describe.runIf(hasMoto)('the service from upload to report', () => {
  const folder = scratch();
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
  });
  afterAll(async () => {
    await moto.stop();
    folder.remove();
  });

  test('says what igd run says of the same config', async () => {
    const cluster = new Cluster(moto.service);
    const ctx = { ...openServiceContext(moto.service), queue: cluster };
    const config = remoteConfig({ name: 'end-to-end' });
    await ctx.runs.put(serviceKeys.config('first'), JSON.stringify(config));
    await planner(uploaded(moto, serviceKeys.config('first')));
    const answer = new TextDecoder().decode(await ctx.runs.get(serviceKeys.accepted('first')));
    const { run, started } = acceptanceSchema.parse(JSON.parse(answer));
    expect(started).toBe(true);

    const container = mixed();
    const turn = async () => {
      await cluster.adopt('igd-cpu');
      return cluster.run(container);
    };
    const events = [...(await turn()), ...(await turn())];
    expect(cluster.jobs.map(({ size, status }) => [size, status])).toEqual([
      [1, 'SUCCEEDED'],
      [6, 'SUCCEEDED'],
    ]);
    for (const event of events) await handleEvent(ctx, event);
    for (const event of await turn()) await handleEvent(ctx, event);

    const status = await runStatus(ctx, run);
    expect(status).toMatchObject({ state: 'complete', failures: [], report: `runs/${run}/` });
    expect(status.stages.map(({ jobs }) => jobs)).toEqual([
      { total: 1, done: 1 },
      { total: 6, done: 6 },
      { total: 6, done: 6 },
    ]);
    expect(status.stages[1]?.progress.map(({ done }) => done)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(await listRuns(ctx)).toMatchObject([{ run, config: 'first', status: 'complete', attempt: 1 }]);

    const local = await igd([
      'run',
      writeJson(folder.path('config.json'), config),
      '--out',
      folder.path('out'),
      '--rankings',
      folder.path('rankings'),
    ]);
    expect(local.stderr).not.toContain('igd:');
    const file = (name: string) => readFileSync(folder.path(`out/${name}`), 'utf8');
    expect(timeless(await textOf(ctx, run, 'report.json'))).toEqual(timeless(file('report.json')));
    expect(await textOf(ctx, run, 'images.csv')).toBe(file('images.csv'));
    expect(await textOf(ctx, run, 'ranking.loir.json')).toBe(file('ranking.loir.json'));

    expect(moto.notices.map(({ subject }) => subject)).toEqual([`igd: ${run} is complete`]);
    // Links would end with the credentials of the function that signs them, hours after.
    expect(moto.notices[0]?.text).toContain(`npx igd download ${run} --stack igd --to runs/${run}`);
    expect(moto.notices[0]?.text).not.toContain('http');
  });

  // `sweep` is what the schedules of the first edition say.
  test.each(['schedule', 'sweep'])('plans the config of a schedule that fires: {"%s": ...}', async (key) => {
    const ctx = openServiceContext(moto.service);
    await planner({ [key]: { name: key, config: { name: 'weekly' } } });
    expect(await ctx.runs.has(serviceKeys.rejected(key))).toBe(true);
  });

  test('leaves alone what is no config, and its own answers', async () => {
    const ctx = openServiceContext(moto.service);
    const before = await ctx.runs.list('');
    for (const key of [
      'configs/first.accepted.json',
      'configs/a.rejected.json',
      'configs/folder/',
      'notes.json',
      'runs/a/plan.json',
    ])
      await planner(uploaded(moto, key));
    expect(await ctx.runs.list('')).toEqual(before);
  });
});

/** "Object Created" as EventBridge sends it. */
function uploaded({ service }: Moto, key: string): unknown {
  return {
    version: '0',
    id: '17793124-05d4-b198-2fde-7ededc63b103',
    'detail-type': 'Object Created',
    source: 'aws.s3',
    account: '111122223333',
    time: '2026-11-12T00:00:00Z',
    region: 'us-east-1',
    resources: [`arn:aws:s3:::${service.buckets.runs}`],
    detail: {
      version: '0',
      bucket: { name: service.buckets.runs },
      object: { key, size: 5, etag: 'b1946ac92492d2347c6235b4d2611184', sequencer: '617f08299329d189' },
      'request-id': 'N4N7GDK58NMKJ12R',
      requester: '123456789012',
      'source-ip-address': '1.2.3.4',
      reason: 'PutObject',
    },
  };
}
