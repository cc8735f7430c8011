import './quiet.ts';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { resultKey } from '../../src/runs/results.ts';
import type { HistoryEntry } from '../../src/schemas/history.ts';
import { remoteKeys, serviceKeys, stageSchema } from '../../src/schemas/service.ts';
import { loadRun } from '../../src/service/load-run.ts';
import { jobsOf } from '../../src/service/parts.ts';
import { cancelRun, listRuns, retryRun } from '../../src/service/run-control.ts';
import { runStatus } from '../../src/service/status.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { within } from '../../src/stores/store.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { type Container, inProcess } from './cluster.ts';
import { remoteConfig, type Scene, scene, textOf, timeless, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

const TEMPERATURES = [0.5, 1, 2];
const LABELS = TEMPERATURES.map((value) => `temperature=${value}`);
const INPUTS = 's3://igd-inputs/demo';
const SWEEP = remoteConfig({
  name: 'warm',
  dataset: {
    format: 'cifar10',
    test: `${INPUTS}/test.bin`,
    probe: `${INPUTS}/train.bin`,
    testImages: 4,
    probeImages: 60,
  },
  ranking: { allowDegenerate: true },
  variants: ['none', 'loir', { mask: 'conf', thresholds: [0.5, 0.9] }],
  suite: [{ attack: 'apgd-ce', iterations: 1 }],
  compute: { device: 'cpu', batchSize: 8, imagesPerShard: 4 },
  sweep: { temperature: TEMPERATURES },
});

describe.runIf(hasMoto)('a parameter sweep on the service', () => {
  const folder = scratch();
  let moto: Moto;
  /** Where the first test did the sweep. */
  let done: Scene;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
    done = await scene(moto);
  });
  afterAll(async () => {
    await moto.stop();
    folder.remove();
  });

  async function submitted({ ctx }: Scene, config: unknown = SWEEP, name = 'warm'): Promise<string> {
    const answer = await submitConfig(ctx, name, JSON.stringify(config));
    if (answer.kind === 'rejected') throw new Error(answer.problems.join('\n'));
    return answer.run;
  }

  async function toItsEnd({ ctx, cluster }: Scene, container: Container = inProcess): Promise<void> {
    for (let events = await cluster.run(container); events.length > 0; events = await cluster.run(container))
      for (const event of events) await handleEvent(ctx, event);
  }

  test('is one run: what its runs share is done once, and its report is that of igd run', {
    timeout: 300_000,
  }, async () => {
    const { ctx, cluster, notices } = done;
    const run = await submitted(done);
    const evaluated: string[] = [];
    await toItsEnd(done, async (env) => {
      const { parts, files } = await loadRun(ctx, run);
      const work = await files.get('attempts/001/evaluate.json');
      if (env.IGD_STAGE === 'evaluate' && work !== undefined) {
        const jobs = jobsOf(parts, 'evaluate');
        const at = Number(env.IGD_OFFSET) + Number(env.AWS_BATCH_JOB_ARRAY_INDEX ?? 0);
        const { part, job } = jobs[JSON.parse(new TextDecoder().decode(work)).jobs[at]] ?? {};
        if (job?.kind === 'evaluate') evaluated.push(`${part?.label} ${job.variant} ${job.shard}`);
      }
      return inProcess(env);
    });

    const status = await runStatus(ctx, run);
    expect(status).toMatchObject({ state: 'complete', failures: [], report: `runs/${run}/` });
    expect(status.sweep).toEqual({ key: 'temperature', runs: LABELS });
    expect(status.outcome?.message).toBe(`Run ${run} is complete: 3 runs over temperature, 4 images, 4 variants.`);
    // One ranking, and the undefended model once.
    expect(evaluated.filter((job) => job.includes(' none '))).toEqual([`${LABELS[0]} none 0`]);
    expect([evaluated.length, new Set(evaluated).size]).toEqual([10, 10]);
    expect(status.stages.map(({ stage: name, jobs, tasks }) => [name, jobs, tasks.total])).toEqual([
      ['rank', { total: 3, done: 3 }, 1],
      ['evaluate', { total: 12, done: 12 }, 10],
      ['transfer', { total: 12, done: 12 }, 1],
    ]);
    expect(await listRuns(ctx)).toMatchObject([{ run, config: 'warm', status: 'complete', attempt: 1 }]);
    expect(cluster.jobs.every(({ status: ended }) => ended === 'SUCCEEDED')).toBe(true);
    expect(notices.map(({ subject }) => subject)).toEqual([`igd: ${run} is complete`]);
    expect(notices[0]?.text).toContain('Robust accuracy');

    const config = writeJson(folder.path('sweep.json'), SWEEP);
    const local = await igd(['run', config, '--out', folder.path('out'), '--rankings', folder.path('rankings')]);
    expect([local.code, local.stderr.includes('igd:')]).toEqual([0, false]);
    const file = (name: string) => readFileSync(folder.path(`out/${name}`), 'utf8');
    for (const name of ['sweep.json', 'sweep.csv', 'sweep.md', 'sweep.html'])
      expect(await textOf(ctx, run, name)).toBe(file(name));
    for (const label of LABELS) {
      expect(timeless(await textOf(ctx, run, `${label}/report.json`))).toEqual(timeless(file(`${label}/report.json`)));
      expect(await textOf(ctx, run, `${label}/images.csv`)).toBe(file(`${label}/images.csv`));
    }

    // As one would look at it, and verify it.
    const service = ['--service', JSON.stringify(ctx.service)];
    const download = ['download', 'warm', '--to', folder.path('down'), '--examples', ...service];
    expect(await igd(download)).toMatchObject({ code: 0, stdout: expect.stringContaining('down/sweep.html') });
    for (const name of [
      'sweep.html',
      'sweep-plan.json',
      'sweep.robust.svg',
      ...LABELS.map((label) => `${label}/report.html`),
    ])
      expect(existsSync(folder.path(`down/${name}`)), name).toBe(true);
    // What was downloaded is all that a run on this machine needs: it finds nothing to do.
    const report = readFileSync(folder.path(`down/${LABELS[1]}/report.json`), 'utf8');
    const again = await igd(['run', config, '--out', folder.path('down'), '--rankings', folder.path('rankings')]);
    expect([again.code, again.stderr]).toEqual([0, expect.not.stringContaining('"stage"')]);
    expect(readFileSync(folder.path(`down/${LABELS[1]}/report.json`), 'utf8')).toBe(report);
    const shown = await igd(['status', 'warm', ...service]);
    expect(shown.stdout).toContain('sweep     3 runs: temperature=0.5, temperature=1 and temperature=2');
  });

  test('of a schedule has a history for each of its runs, and one mail', async () => {
    const { ctx, notices, events } = done;
    const before = notices.length;
    const text = JSON.stringify(SWEEP);
    for (const at of ['2099-11-12T03:00:00.000Z', '2099-11-19T03:00:00.000Z'])
      await submitConfig({ ...ctx, now: () => new Date(at) }, 'weekly', text, { firing: { schedule: 'weekly', at } });
    const [first, again] = notices.slice(before);
    expect(first?.subject).toMatch(/^igd weekly\.temperature=0\.5: warm-[0-9a-f]+ is complete$/);
    expect(again?.subject).toMatch(/^igd weekly\.temperature=0\.5: nothing changed since 12 November/);
    for (const label of LABELS) {
      expect(again?.text).toContain(`Schedule weekly.${label}: nothing changed`);
      const history = await ctx.runs.get(`history/weekly.${label}/history.json`);
      const { entries } = JSON.parse(new TextDecoder().decode(history));
      expect(
        entries.map(({ results, comparison }: HistoryEntry) => [results?.report.split('/')[2], comparison.verdict]),
      ).toEqual([
        [label, 'first'],
        [label, 'unchanged'],
      ]);
    }
    expect(events.length).toBe(6);
    const status = await runStatus(ctx, entriesRun(first?.subject));
    expect(status.schedules).toEqual(LABELS.map((label) => `weekly.${label}`));
    expect(status.history.length).toBe(3);

    const service = JSON.stringify(ctx.service);
    const history = await igd(['download', 'weekly', '--history', '--to', folder.path('weekly'), '--service', service]);
    expect([history.code, history.stderr]).toEqual([2, expect.stringContaining(`one of weekly.${LABELS[0]}, weekly.`)]);

    // Its end is told whatever becomes of the record of its runs.
    const key = `${serviceKeys.run(status.run)}sweep-plan.json`;
    const record = (await ctx.runs.get(key)) ?? '';
    await ctx.runs.put(key, '{"schema":"igd.sweep-plan/9"}');
    expect(await runStatus(ctx, status.run)).toMatchObject({
      problem: expect.stringContaining('sweep-plan.json was written by another version of igd'),
      schedules: ['weekly'],
    });
    await ctx.runs.put(key, record);
  });

  test('that fails in part says which of its runs are whole, and a retry does the rest', async () => {
    const stage = await scene(moto);
    const { ctx, notices } = stage;
    const compute = { device: 'cpu', batchSize: 8, imagesPerShard: 2 };
    const config = { ...SWEEP, name: 'cut', variants: ['loir'], compute, sweep: { temperature: [1, 2] } };
    const run = await submitted(stage, config, 'cut');
    const { parts } = await loadRun(ctx, run);
    const broken = jobsOf(parts, 'evaluate').length - 1;
    let tasks = 0;
    await toItsEnd(stage, async (env) => {
      if (env.IGD_STAGE !== 'evaluate' || env.IGD_ATTEMPT !== '1') return inProcess(env);
      const work = await ctx.runs.get(`${serviceKeys.run(run)}attempts/001/evaluate.json`);
      const { jobs } = JSON.parse(new TextDecoder().decode(work));
      tasks += 1;
      return jobs[Number(env.IGD_OFFSET) + Number(env.AWS_BATCH_JOB_ARRAY_INDEX ?? 0)] === broken ? 1 : inProcess(env);
    });
    expect(tasks).toBeGreaterThan(2);
    const status = await runStatus(ctx, run);
    expect(status).toMatchObject({ state: 'partial', report: `runs/${run}/partial/001/` });
    expect(status.outcome?.message).toContain('1 of 2 runs whole and 3 of 4 shards complete in every variant');
    expect(notices.at(-1)?.text).toContain('Not here, since something of them is missing: temperature=2.');
    const partial = JSON.parse((await textOf(ctx, run, 'partial/001/sweep.json')) ?? '');
    expect([partial.runs.length, partial.missing]).toEqual([1, [LABELS[2]]]);
    expect(await textOf(ctx, run, 'sweep.json')).toBeUndefined();
    expect(JSON.parse((await textOf(ctx, run, `partial/001/${LABELS[2]}/report.json`)) ?? '').run.images).toBe(2);

    await retryRun(ctx, run);
    await toItsEnd(stage);
    expect((await runStatus(ctx, run)).state).toBe('complete');
    expect(JSON.parse((await textOf(ctx, run, 'sweep.json')) ?? '').missing).toBeUndefined();
  });

  test('of whose rankings one fails has the runs of the others', async () => {
    const stage = await scene(moto);
    const config = { ...SWEEP, name: 'layers', variants: ['loir'], sweep: { layer: ['layer2', 'layer3'] } };
    const firing = { schedule: 'nightly', at: '2026-01-02T03:00:00.000Z' };
    const answer = await submitConfig(stage.ctx, 'layers', JSON.stringify(config), { firing });
    const run = answer.kind === 'started' ? answer.run : '';
    await toItsEnd(stage, async (env) => (env.IGD_STAGE === 'rank' && env.IGD_OFFSET === '1' ? 1 : inProcess(env)));
    const { outcome, stages, failures, history } = await runStatus(stage.ctx, run);
    expect(history.map(({ comparison }) => comparison.sentence)).toEqual([
      'there is nothing before to compare with',
      expect.stringMatching(/^no results: Run layers-\w+ ended with 1 of 2 runs whole .* does the rest$/),
    ]);
    expect(outcome?.message).toContain('1 of 2 runs whole');
    expect(stages.map(({ jobs }) => jobs?.done)).toEqual([1, 1, 1]);
    expect(failures.map(({ job, message }) => [job, message])).toEqual([
      [expect.stringContaining('rank-1'), expect.any(String)],
      ['layer=layer3', 'the loir ranking is not there'],
    ]);
    const down = ['download', 'layers', '--to', folder.path('layers'), '--service', JSON.stringify(stage.ctx.service)];
    expect((await igd(down)).stdout).toContain('layers/partial/001/sweep.html');
  });

  test('has containers that go on with their other jobs where one fails', async () => {
    const { ctx } = done;
    const [{ run = '' } = {}] = await listRuns(ctx);
    const files = within(ctx.runs, serviceKeys.run(run));
    const transfers = LABELS.map((label) => `${label}/transfer/none/00000.json`);
    const examples = `${LABELS[0]}/shards/loir/00000.npy`;
    const before = await files.get(examples);
    for (const key of [...transfers, examples]) await files.remove(key);
    const task = { IGD_RUN: run, IGD_STAGE: 'transfer', IGD_JOBS_PER_TASK: '16' };
    const env = { ...task, IGD_SERVICE: JSON.stringify(ctx.service) };
    expect(await inProcess(env)).toBe(1);
    expect(await Promise.all(transfers.map((key) => files.has(key)))).toEqual([false, true, true]);
    await files.put(examples, before ?? '');
    expect(await inProcess(env)).toBe(0);
  });

  test('is refused whole where one of its values does not fit, and ended whole', async () => {
    const stage = await scene(moto);
    const refused = await submitConfig(
      stage.ctx,
      'odd',
      JSON.stringify({ ...SWEEP, sweep: { layer: ['layer4', 'layer9'] } }),
    );
    expect(refused).toMatchObject({ kind: 'rejected', problems: [expect.stringContaining('layer9')] });
    const run = await submitted(stage, { ...SWEEP, name: 'ended', variants: ['none', 'two-pass'] }, 'ended');
    // Half of what is to be computed took 100 seconds: what other runs of the sweep have too is no part of it.
    const { parts, files } = await loadRun(stage.ctx, run);
    const work = stageSchema.parse(JSON.parse((await textOf(stage.ctx, run, remoteKeys.stage(1, 'evaluate'))) ?? ''));
    const jobs = jobsOf(parts, 'evaluate');
    for (const position of work.jobs.slice(0, 2)) {
      const { part, job } = jobs[position]!;
      await part.files.put(resultKey(part.plan, job), '{}');
    }
    const [at, startedAt] = [0, 100_000].map((ago) => new Date(Date.now() - ago).toISOString());
    const told = { job: null, fraction: 0, attack: null, robust: null, images: null, startedAt, at };
    const progress = { schema: 'igd.progress/1', task: 0, jobs: 1, done: 1, ...told };
    await files.put(remoteKeys.progress(1, 'evaluate', 0), JSON.stringify(progress));
    expect((await runStatus(stage.ctx, run)).secondsLeft).toBeCloseTo(100, -1);
    // The task that is sent ahead, and the others.
    expect(await cancelRun(stage.ctx, run)).toBe(2);
    expect((await runStatus(stage.ctx, run)).state).toBe('cancelled');
  });
});

function entriesRun(subject = ''): string {
  return /warm-[0-9a-f]+/.exec(subject)?.[0] ?? '';
}
