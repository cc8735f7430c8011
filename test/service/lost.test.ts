import './quiet.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { statusText } from '../../src/cli/remote/status-text.ts';
import { TransientError } from '../../src/errors.ts';
import { decodePlan } from '../../src/runs/planning/plan.ts';
import { runKeys } from '../../src/schemas/keys.ts';
import { remoteKeys, serviceKeys, stageSchema } from '../../src/schemas/service.ts';
import type { ServiceContext } from '../../src/service/context.ts';
import { reconcileRun } from '../../src/service/reconcile.ts';
import { reconcileAll } from '../../src/service/reconcile-all.ts';
import { approveRun, cancelRun, listRuns, retryRun } from '../../src/service/run-control.ts';
import { endAttempt } from '../../src/service/run-index.ts';
import { runStatus } from '../../src/service/status.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { inProcess } from './cluster.ts';
import { remoteConfig, type Scene, scene, textOf, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

const DAY_MS = 24 * 3600_000;

describe.runIf(hasMoto)('what a run left behind', () => {
  let moto: Moto;
  let stage: Scene;
  let run: string;
  const text = JSON.stringify(remoteConfig({ name: 'lost', variants: ['none'] }));
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
  });
  beforeEach(async () => {
    stage = await scene(moto);
    run = await submit(stage.ctx);
  });
  afterAll(() => moto.stop());

  async function submit(ctx: ServiceContext, config = text): Promise<string> {
    const submitted = await submitConfig(ctx, 'lost', config);
    if (submitted.kind === 'rejected') throw new Error(submitted.problems.join('\n'));
    return submitted.run;
  }
  const planKey = () => `${serviceKeys.run(run)}${runKeys.plan}`;
  /** Each turn of the reconciler and Lambda's second call of it. */
  async function turns(count: number, changes: Partial<ServiceContext> = {}) {
    const begun = Date.now();
    const all = [];
    for (let turn = 0; turn < count; turn += 1) {
      const ctx = { ...stage.ctx, ...changes, now: () => new Date(begun + turn * 10 * 60_000) };
      all.push(await reconcileAll(ctx), await reconcileAll(ctx));
    }
    return all.flat();
  }

  const UNREADABLE: [string, () => Promise<void>, RegExp][] = [
    [
      'was deleted',
      () => stage.ctx.runs.remove(planKey()),
      /has no plan\.json: it was deleted; submit its config again/,
    ],
    [
      'is of another version of igd',
      () => stage.ctx.runs.put(planKey(), '{"schema":"igd.plan/9"}'),
      /by another version of igd \(igd\.plan\/9\): deploy that version again \(npx cdk deploy\), or submit its config again/,
    ],
  ];

  describe.each(UNREADABLE)('whose plan %s', (_, lose, message) => {
    beforeEach(() => lose());

    test('is shown as far as it is known, and can be cancelled with its jobs', async () => {
      const status = await runStatus(stage.ctx, run);
      expect(status).toMatchObject({ state: 'evaluate', images: undefined, problem: expect.stringMatching(message) });
      expect(status.stages).toMatchObject([{ stage: 'evaluate', jobs: undefined, tasks: { total: 2, waiting: 2 } }]);
      expect(statusText(status, 'runs', undefined)).toMatch(/problem .*plan.*\n {2}evaluate +containers: 2 waiting\n/);
      // The task that goes ahead, and the array of the rest.
      expect(await cancelRun(stage.ctx, run)).toBe(2);
      expect(stage.cluster.jobs).toMatchObject([{ status: 'FAILED' }, { status: 'FAILED' }]);
      expect((await runStatus(stage.ctx, run)).state).toBe('cancelled');
      await expect(retryRun(stage.ctx, run)).rejects.toThrow(message);
    });

    test('is set aside after three turns of the reconciler, with one mail, and can be brought back', async () => {
      const results = await turns(5);
      expect(results.map(({ isSetAside }) => isSetAside)).toEqual([false, false, false, false, true]);
      expect(results.map(({ problem }) => problem)).toEqual(Array(5).fill(expect.stringMatching(message)));
      expect(stage.cluster.jobs).toMatchObject([{ status: 'FAILED' }, { status: 'FAILED' }]);
      expect(stage.notices).toHaveLength(1);
      expect(stage.notices[0]?.subject).toBe(`igd: ${run} is failed`);
      expect(stage.notices[0]?.text).toMatch(/was set aside: .*"igd retry lost-\w+ --stack igd" goes on/);
      expect(stage.notices[0]?.text).toMatch(message);
      // The same config plans it anew, and starts nothing by itself.
      expect(await submitConfig(stage.ctx, 'lost', text)).toEqual({ kind: 'exists', run });
      expect(decodePlan(new TextEncoder().encode(await textOf(stage.ctx, run, runKeys.plan)), 'plan').id).toMatch(
        /^\w+$/,
      );
      expect(await retryRun(stage.ctx, run)).toBe(2);
      expect(stage.cluster.jobs.map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'RUNNABLE', 'RUNNABLE']);
    });
  });

  test('is not set aside for an outage, however long', async () => {
    const runs: ServiceContext['runs'] = Object.create(stage.ctx.runs);
    runs.get = () => Promise.reject(new TransientError('cannot read: SlowDown'));
    expect((await turns(5, { runs })).map(({ isSetAside }) => isSetAside)).toEqual(Array(10).fill(false));
    expect(stage.notices).toEqual([]);
    expect((await runStatus(stage.ctx, run)).state).toBe('evaluate');
  });

  /** What the first task of the evaluation tells of itself. */
  async function compute(hours: number, { attempt = 1, done = 0 } = {}): Promise<void> {
    const at = new Date();
    const startedAt = new Date(at.getTime() - hours * 3600_000).toISOString();
    const told = { task: 0, jobs: 1, done, job: null, fraction: 0, attack: null, robust: null, images: null };
    const record = { schema: 'igd.progress/1', ...told, startedAt, at: at.toISOString() };
    await stage.ctx.runs.put(
      serviceKeys.run(run) + remoteKeys.progress(attempt, 'evaluate', 0),
      JSON.stringify(record),
    );
  }

  test('waits for approval where one task tells that all will cost more than maxDollars', async () => {
    await expect(approveRun(stage.ctx, run)).rejects.toThrow(`run ${run} does not wait for approval`);
    const config = { name: 'dear', variants: ['none', 'two-pass'], maxDollars: 0.15 };
    run = await submit(stage.ctx, JSON.stringify(remoteConfig(config)));
    const work = stageSchema.parse(JSON.parse((await textOf(stage.ctx, run, remoteKeys.stage(1, 'evaluate'))) ?? ''));
    // Ahead goes one of the defended variant, which is the dearer.
    expect([work.canary, work.jobs]).toEqual([true, [2, 3, 0, 1]]);
    await compute(0.25);
    await reconcileRun(stage.ctx, run);
    expect((await runStatus(stage.ctx, run)).state).toBe('evaluate');
    await compute(0.25, { done: 1 });
    await Promise.all([reconcileRun(stage.ctx, run), reconcileRun(stage.ctx, run)]);
    expect(stage.cluster.jobs.slice(-2)).toMatchObject([{ status: 'FAILED' }, { status: 'FAILED' }]);
    expect(stage.notices.map(({ subject }) => subject)).toEqual([`igd: ${run} waits for approval`]);
    expect(stage.notices[0]?.text).toMatch(
      /^Run dear-\w+ waits for approval: the first of 4 tasks took 900 seconds, so all are expected to cost about \$0\.20, and it may cost \$0\.15 \(maxDollars\)\..*"igd approve dear-\w+ --stack igd" goes on\.$/,
    );
    const held = await runStatus(stage.ctx, run);
    expect(held.state).toBe('held');
    expect(statusText(held, 'runs', undefined)).toMatch(
      /\n {2}limit +\$0\.15; its evaluations are expected to cost about \$0\.20\n/,
    );

    await expect(retryRun(stage.ctx, run)).rejects.toThrow(`"igd approve ${run}" goes on`);
    expect(await approveRun(stage.ctx, run)).toEqual({ attempt: 2, maxDollars: 0.3 });
    await expect(approveRun(stage.ctx, run)).rejects.toThrow('does not wait for approval');
    expect(statusText(await runStatus(stage.ctx, run), 'runs', undefined)).toMatch(/\n {2}limit +\$0\.30, approved$/m);
    await compute(1.4, { attempt: 2, done: 1 });
    await reconcileRun(stage.ctx, run);
    expect((await runStatus(stage.ctx, run)).state).toBe('evaluate');
    await compute(1.6, { attempt: 2, done: 1 });
    await reconcileRun(stage.ctx, run);
    expect((await runStatus(stage.ctx, run)).outcome?.message).toContain('stopped at maxDollars (0.3)');
  });

  test('is held by none that costs less, nor asked again while it is computed', async () => {
    const config = { name: 'cheap', variants: ['none', 'loir'], maxDollars: 0.15 };
    run = await submit(stage.ctx, JSON.stringify(remoteConfig(config)));
    await compute(0.1, { done: 1 });
    await reconcileRun(stage.ctx, run);
    // Later it tells of more: what was expected at the start stands, and only the limit itself stops the run.
    await compute(0.7, { done: 1 });
    await reconcileRun(stage.ctx, run);
    expect((await runStatus(stage.ctx, run)).outcome).toBeUndefined();

    // All that would have cost too much has ended, and nobody was told when one had.
    run = await submit(stage.ctx, JSON.stringify(remoteConfig({ ...config, variants: ['none', 'two-pass'] })));
    for (const job of stage.cluster.jobs.slice(-2)) job.status = 'FAILED';
    await compute(0.25, { done: 1 });
    await reconcileRun(stage.ctx, run);
    expect((await runStatus(stage.ctx, run)).state).toBe('failed');
  });

  test('stays within maxDollars: at that, jobs are ended and it is reported; a retry has as much again', async () => {
    run = await submit(stage.ctx, JSON.stringify(remoteConfig({ name: 'dear', variants: ['none'], maxDollars: 0.3 })));
    const [other, , own] = stage.cluster.jobs;
    await compute(1.4);
    await reconcileAll(stage.ctx);
    expect(own).toMatchObject({ status: 'RUNNABLE' });
    await compute(1.6);
    await reconcileAll(stage.ctx);
    expect([other?.status, own?.status]).toEqual(['RUNNABLE', 'FAILED']);
    expect(stage.notices.map(({ subject }) => subject)).toEqual([`igd: ${run} is failed`]);
    expect(stage.notices[0]?.text).toMatch(
      /^Attempt 1 was stopped at maxDollars \(0\.3\): its containers have computed 1\.60 hours, about \$0\.32 at \$0\.2 an hour \("igd approve dear-\w+ --max-dollars N" .*"igd retry/,
    );
    expect(await retryRun(stage.ctx, run)).toBe(2);
    const statuses = stage.cluster.jobs.map(({ status }) => status);
    expect(statuses).toEqual(['RUNNABLE', 'RUNNABLE', 'FAILED', 'FAILED', 'RUNNABLE', 'RUNNABLE']);
  });

  test('reports what it has where it stops at maxDollars', async () => {
    const config = { name: 'dear', variants: ['none'], suite: [{ attack: 'apgd-ce', iterations: 1 }], maxDollars: 0.3 };
    run = await submit(stage.ctx, JSON.stringify(remoteConfig(config)));
    const task = { IGD_SERVICE: JSON.stringify(stage.ctx.service), IGD_RUN: run, IGD_STAGE: 'evaluate' };
    expect(await inProcess(task)).toBe(0);
    await compute(1.6, { done: 1 });
    await Promise.all([reconcileRun(stage.ctx, run), reconcileRun(stage.ctx, run)]);
    // What was done is judged, and nothing else goes on.
    expect(stage.cluster.jobs.slice(2).map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'RUNNABLE']);
    await stage.cluster.run((env) => (env.IGD_RUN === run ? inProcess(env) : Promise.resolve(1)));
    await reconcileRun(stage.ctx, run);
    const { state, outcome, report } = await runStatus(stage.ctx, run);
    expect([state, report]).toEqual(['partial', `runs/${run}/partial/001/`]);
    expect(outcome?.message).toMatch(/was stopped at maxDollars \(0\.3\).* 1 of 2 shards complete in every variant/);
    await expect(approveRun(stage.ctx, run)).rejects.toThrow('goes on with --max-dollars');
    expect(await approveRun(stage.ctx, run, 5)).toEqual({ attempt: 2, maxDollars: 5 });
  });

  describe('and expires in parts', () => {
    const aged = (days: number): ServiceContext => ({
      ...stage.ctx,
      service: { ...stage.ctx.service, retentionDays: 30 },
      now: () => new Date(Date.now() + days * DAY_MS),
    });
    beforeEach(async () => {
      const at = new Date().toISOString();
      const outcome = { schema: 'igd.outcome/1', status: 'complete', message: 'done', at } as const;
      await endAttempt(stage.ctx, run, 1, outcome);
    });

    test.each([
      ['its outcome', () => [serviceKeys.outcome(run, 1), serviceKeys.settled(run, 1)]],
      ['its claim', () => [serviceKeys.claim(run, 1)]],
      ['that it was told of', () => [serviceKeys.settled(run, 1)]],
      ['its results and its plan', () => [planKey(), serviceKeys.outcome(run, 1)]],
    ])('is not started again, nor told of, where %s went first', async (_, gone) => {
      for (const key of gone()) await stage.ctx.runs.remove(key);
      const before = stage.cluster.jobs.length;
      expect(await reconcileAll(aged(31))).toEqual([]);
      expect(stage.cluster.jobs).toHaveLength(before);
      expect(stage.notices).toEqual([]);
    });

    test.each([
      ['all but its results', () => []],
      ['nothing but its outcome', () => [serviceKeys.claim(run, 1), planKey()]],
    ])('is computed anew where %s is left and its config is submitted again', async (_, gone) => {
      for (const key of gone()) await stage.ctx.runs.remove(key);
      expect(await submitConfig(aged(29), 'lost', text)).toEqual(
        gone().length === 0 ? { kind: 'exists', run } : { kind: 'started', run },
      );
      if (gone().length === 0) expect(await submitConfig(aged(31), 'lost', text)).toEqual({ kind: 'started', run });
      expect((await listRuns(stage.ctx)).map(({ attempt, status }) => [attempt, status])).toEqual([[2, 'running']]);
      expect(stage.cluster.jobs).toHaveLength(4);
    });
  });
});
