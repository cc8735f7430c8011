import './quiet.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import type { Job } from '../../src/runs/planning/plan.ts';
import { remoteKeys, taskProgressSchema, taskVariables } from '../../src/schemas/service.ts';
import type { ServiceContext } from '../../src/service/context.ts';
import { reconcileRun } from '../../src/service/reconcile.ts';
import { reconcileAll } from '../../src/service/reconcile-all.ts';
import { cancelRun, listRuns, retryRun } from '../../src/service/run-control.ts';
import { runStatus } from '../../src/service/status.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { asProcess, type Container, inProcess, NO_MACHINE } from './cluster.ts';
import { remoteConfig, replay, type Scene, scene, textOf, timeless, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

let moto: Moto;
let names = 0;
/** A run that was computed once, in a bucket of its own: others take their results from it. */
let source: Scene & { readonly run: string };

/** A config like every other here, but for its name: another run of the same numbers. */
const another = (changes: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify(remoteConfig({ name: `run.${++names}`, ...changes }));

const report = async ({ ctx }: Scene, run: string) => timeless(await textOf(ctx, run, 'report.json'));

async function submit({ ctx }: Scene, text = another()): Promise<string> {
  const submitted = await submitConfig(ctx, 'config', text);
  if (submitted.kind === 'rejected') throw new Error(submitted.problems.join('\n'));
  return submitted.run;
}

/** Runs what there is to run and hands every event on, until nothing waits any more. */
async function drive({ ctx, cluster }: Scene, container: Container): Promise<void> {
  for (let events = await cluster.run(container); events.length > 0; events = await cluster.run(container))
    for (const event of events) await handleEvent(ctx, event);
}

describe.runIf(hasMoto)('a run on the service', () => {
  let stage: Scene;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
    const first = await scene(moto);
    source = { ...first, run: await submit(first) };
    await drive(first, inProcess);
    expect((await runStatus(first.ctx, source.run)).state).toBe('complete');
    // Computes eight tasks, each with a worker of its own: 15 seconds, and on a machine with ten other things to do, minutes.
  }, 400_000);
  beforeEach(async () => {
    stage = await scene(moto);
  });
  afterAll(() => moto.stop());

  const replayed = (fails?: (job: Job) => boolean) =>
    replay(stage.ctx, { run: source.run, runs: source.ctx.runs }, fails);
  const sameAsSource = async (run: string) => {
    const [expected, found] = [await report(source, source.run), await report(stage, run)];
    expect(found).toMatchObject({ run: { name: run.replace(/-[0-9a-f]{16}$/, '') } });
    expect(JSON.stringify(found).replace(/"run\.\d+"/, '""')).toBe(
      JSON.stringify(expected).replace(/"run\.\d+"/, '""'),
    );
  };

  test('is one run, however often its config is uploaded; a ranking there is is not computed again', async () => {
    const text = another();
    const answers = await Promise.all([1, 2, 3].map(() => submitConfig(stage.ctx, 'config', text)));
    expect(answers.map(({ kind }) => kind).sort()).toEqual(['exists', 'exists', 'started']);
    expect(stage.cluster.jobs.map(({ size }) => size)).toEqual([1, 5]);
    const run = await submit(stage, text);
    await drive(stage, replayed());
    await sameAsSource(run);
    expect(await submitConfig(stage.ctx, 'config', text)).toEqual({ kind: 'exists', run });
    expect(stage.cluster.jobs.map(({ size }) => size)).toEqual([1, 5, 1]);
  });

  test('makes examples once before any variant is evaluated, where its suite asks for that', async () => {
    const run = await submit(stage, another({ variants: ['none', 'loir'], suite: 'rapid' }));
    // The ranking is there already.
    expect(stage.cluster.jobs.map(({ size }) => size)).toEqual([1, 1]);
    // One shard cannot be crafted on: the other is evaluated all the same.
    await drive(stage, async (env) => (env.IGD_STAGE === 'craft' && env.IGD_OFFSET === '1' ? 1 : inProcess(env)));
    const status = await runStatus(stage.ctx, run);
    expect(status).toMatchObject({ state: 'partial', failures: [{ stage: 'craft' }] });
    expect(status.stages.map((each) => each.jobs?.done)).toEqual([1, 1, 2, 2]);
    await retryRun(stage.ctx, run);
    await drive(stage, inProcess);
    const { state, stages } = await runStatus(stage.ctx, run);
    expect(state).toBe('complete');
    expect(stages.map((each) => [each.stage, each.jobs?.done])).toEqual([
      ['rank', 1],
      ['craft', 2],
      ['evaluate', 4],
      ['transfer', 4],
    ]);
    const { run: facts } = Object(await report(stage, run));
    expect(facts.crafting).toMatchObject([{ attack: 'base.malt', variant: 'none' }]);
  }, 200_000);

  test('is reported once, and told once, by 20 finalizers at a time', async () => {
    let written = 0;
    const runs = {
      ...storeOf(stage.ctx),
      putNew: async (key: string, bytes: Uint8Array | string) => {
        const isNew = await stage.ctx.runs.putNew(key, bytes);
        if (isNew && key.endsWith('/report.json')) written += 1;
        return isNew;
      },
    };
    const run = await submit(stage);
    const race = () => Promise.all(Array.from({ length: 20 }, () => reconcileRun({ ...stage.ctx, runs }, run)));
    await stage.cluster.run(replayed());
    await race();
    expect(stage.cluster.jobs).toHaveLength(3);
    await stage.cluster.run(replayed());
    const steps = await race();
    expect(new Set(steps.map((step) => JSON.stringify(step))).size).toBe(1);
    expect(written).toBe(1);
    expect(stage.notices.map(({ subject }) => subject)).toEqual([`igd: ${run} is complete`]);
    await sameAsSource(run);
  });

  test('bears events that come twice, late and in any order', async () => {
    const run = await submit(stage);
    const seen: unknown[] = [];
    for (
      let events = await stage.cluster.run(replayed());
      events.length > 0;
      events = await stage.cluster.run(replayed())
    ) {
      seen.push(...events);
      for (const event of [...events, ...seen].reverse()) await handleEvent(stage.ctx, event);
    }
    for (const event of seen) await handleEvent(stage.ctx, event);
    await sameAsSource(run);
    expect(stage.notices).toHaveLength(1);
  });

  test('is finished by the reconciler where every event is lost', async () => {
    const run = await submit(stage);
    // The first turn as the timer of the first edition says it.
    let event: unknown = { sweepUp: true };
    while ((await stage.cluster.run(replayed())).length > 0) {
      await handleEvent(stage.ctx, event);
      event = { reconcile: 'all' };
    }
    await sameAsSource(run);
    expect(await reconcileAll(stage.ctx)).toEqual([]);
  });

  test('leaves out a shard that fails for good, says so, and a retry does that shard alone', async () => {
    const run = await submit(stage);
    await drive(
      stage,
      replayed((job) => job.kind === 'evaluate' && job.variant === 'loir' && job.shard === 1),
    );
    const status = await runStatus(stage.ctx, run);
    expect(status).toMatchObject({ state: 'partial', report: `runs/${run}/partial/001/` });
    expect(status.failures).toMatchObject([{ stage: 'evaluate', job: 'loir shard 1', message: 'out of memory' }]);
    expect(await textOf(stage.ctx, run, 'report.json')).toBeUndefined();
    const partial = timeless(await textOf(stage.ctx, run, `${remoteKeys.partial(1)}report.json`));
    expect(partial).toMatchObject({ run: { images: 4, shards: 1 } });
    expect(stage.notices[0]?.subject).toBe(`igd: ${run} is partial`);
    expect(stage.notices[0]?.text).toMatch(/1 of 2 shards.*\n\n.*loir shard 1.*out of memory/);

    const before = stage.cluster.jobs.length;
    expect(await retryRun(stage.ctx, run)).toBe(2);
    await expect(retryRun(stage.ctx, run)).rejects.toThrow(/still going/);
    expect(stage.cluster.jobs.slice(before).map(({ size }) => size)).toEqual([1]);
    await drive(stage, replayed());
    await sameAsSource(run);
    expect(await runStatus(stage.ctx, run)).toMatchObject({ state: 'complete', attempt: 2, failures: [] });
    await expect(retryRun(stage.ctx, run)).rejects.toThrow(/nothing is missing/);
  });

  test('fails, without a report, where nothing is complete', async () => {
    const run = await submit(stage);
    await drive(
      stage,
      replayed(() => true),
    );
    expect(await runStatus(stage.ctx, run)).toMatchObject({ state: 'failed', report: undefined });
    expect(stage.notices.map(({ subject }) => subject)).toEqual([`igd: ${run} is failed`]);
    expect((await listRuns(stage.ctx)).find((listing) => listing.run === run)?.status).toBe('failed');
  });

  test('sends one shard ahead of the others: an image that is broken fails one job, and the next attempt sends another', async () => {
    const run = await submit(stage);
    const asked: string[] = [];
    const broken: Container = async (env) => {
      asked.push(env[taskVariables.offset] ?? '');
      return 1;
    };
    expect(stage.cluster.jobs.map(({ size, dependsOn }) => [size, dependsOn])).toEqual([
      [1, []],
      [5, [stage.cluster.jobs[0]?.id]],
    ]);
    await drive(stage, broken);
    expect(asked).toEqual(['0']);
    const { state, failures, stages } = await runStatus(stage.ctx, run);
    expect(state).toBe('failed');
    expect(failures.map(({ message }) => message)).toContain('Dependent Job failed');
    expect(stages.find((each) => each.stage === 'evaluate')?.tasks).toMatchObject({ total: 6, failed: 6 });
    await retryRun(stage.ctx, run);
    // Which fails for good by itself, and was sent ahead: now it holds up nobody.
    await drive(
      stage,
      replayed((job) => job.kind === 'evaluate' && job.variant === 'none' && job.shard === 0),
    );
    expect(await runStatus(stage.ctx, run)).toMatchObject({ state: 'partial', attempt: 2 });
    await retryRun(stage.ctx, run);
    await drive(stage, replayed());
    await sameAsSource(run);
  });

  test('fails where its ranking does, in words of Batch where the container left none', async () => {
    const run = await submit(stage, another({ ranking: { signed: true } }));
    expect(stage.cluster.jobs.map(({ size, dependsOn }) => [size, dependsOn.length])).toEqual([
      [1, 0],
      [6, 1],
    ]);
    await drive(stage, async () => 137);
    const { state, failures } = await runStatus(stage.ctx, run);
    expect(state).toBe('failed');
    expect(failures.map(({ stage: of, message }) => [of, message])).toEqual([
      ['rank', 'Essential container in task exited'],
      ['evaluate', 'Dependent Job failed'],
    ]);
  });

  test('ends where it is cancelled, and a retry goes on from there', async () => {
    const run = await submit(stage);
    const waiting = await runStatus(stage.ctx, run);
    expect(waiting.state).toBe('evaluate');
    expect(waiting.stages[1]?.reasons).toEqual([expect.stringContaining(NO_MACHINE)]);
    expect(await cancelRun(stage.ctx, run)).toBe(2);
    await expect(cancelRun(stage.ctx, run)).rejects.toThrow(/ended already/);
    await drive(stage, replayed());
    expect(await reconcileRun(stage.ctx, run)).toMatchObject({ state: 'ended', outcome: { status: 'cancelled' } });
    await retryRun(stage.ctx, run);
    await drive(stage, replayed());
    await sameAsSource(run);
  });

  test('is gone on with where the planner died: before it submitted, or before it wrote that down', async () => {
    const deaths: ServiceContext['queue']['submit'][] = [
      () => Promise.reject(new Error('out of time')),
      async (request) => {
        await stage.cluster.submit(request);
        throw new Error('out of time');
      },
    ];
    for (const [death, dying] of deaths.entries()) {
      const queue = { ...queueOf(stage), submit: dying };
      const text = another();
      await expect(submitConfig({ ...stage.ctx, queue }, 'config', text)).rejects.toThrow('out of time');
      const run = await submit(stage, text);
      await reconcileAll(stage.ctx);
      // For all anybody knows the planner is still at it.
      expect((await runStatus(stage.ctx, run)).state).toBe('submitting');
      await reconcileAll({ ...stage.ctx, now: () => new Date(Date.now() + 3600_000) });
      expect(stage.cluster.jobs.map(({ size }) => size)).toEqual([1, 5, 1, 1, 5].slice(0, 3 * death + 2));
      await drive(stage, replayed());
      await sameAsSource(run);
    }
  });

  test('is taken over by one of 20 finalizers where the planner died', async () => {
    const text = another();
    const queue = { ...queueOf(stage), submit: () => Promise.reject(new Error('out of time')) };
    await expect(submitConfig({ ...stage.ctx, queue }, 'config', text)).rejects.toThrow('out of time');
    const run = await submit(stage, text);
    const later = (minutes: number) => ({ ...stage.ctx, now: () => new Date(Date.now() + 60_000 * minutes) });
    const race = (minutes: number) => Promise.all(Array.from({ length: 20 }, () => reconcileRun(later(minutes), run)));
    await race(14);
    expect(stage.cluster.jobs).toHaveLength(0);
    await race(20);
    expect(stage.cluster.jobs.map(({ size }) => size)).toEqual([1, 5]);
    await race(50);
    expect(stage.cluster.jobs).toHaveLength(2);
    await drive(stage, replayed());
    await sameAsSource(run);
  });

  test('that is cancelled while it is submitted leaves no job behind', async () => {
    const text = another();
    const ended: string[] = [];
    const queue: ServiceContext['queue'] = {
      ...queueOf(stage),
      submit: async (request) => {
        const id = await stage.cluster.submit(request);
        const [{ run } = { run: '' }] = await listRuns(stage.ctx);
        expect(await cancelRun(stage.ctx, run)).toBe(0);
        return id;
      },
      terminate: async (ids, reason) => {
        ended.push(...ids);
        await stage.cluster.terminate(ids, reason);
      },
    };
    await submitConfig({ ...stage.ctx, queue }, 'config', text);
    expect(stage.cluster.jobs).toMatchObject([{ id: ended[0], status: 'FAILED' }]);
    const run = await submit(stage, text);
    expect((await runStatus(stage.ctx, run)).state).toBe('cancelled');
    expect(await reconcileAll(stage.ctx)).toEqual([]);
    await retryRun(stage.ctx, run);
    await drive(stage, replayed());
    await sameAsSource(run);
  });

  test('has its jobs ended by the reconciler where whoever cancelled it was gone before', async () => {
    const run = await submit(stage);
    const queue = { ...queueOf(stage), terminate: () => Promise.reject(new Error('connection lost')) };
    await expect(cancelRun({ ...stage.ctx, queue }, run)).rejects.toThrow('connection lost');
    expect(stage.cluster.jobs).toMatchObject([{ status: 'RUNNABLE' }, { status: 'RUNNABLE' }]);
    await reconcileAll({ ...stage.ctx, now: () => new Date(Date.now() + 20 * 60_000) });
    expect(stage.cluster.jobs).toMatchObject([{ status: 'FAILED' }, { status: 'FAILED' }]);
    expect(stage.notices).toEqual([]);
  });

  test('is told again by the reconciler where the finalizer died before it told, and never after', async () => {
    const run = await submit(stage);
    await stage.cluster.run(replayed());
    await reconcileRun(stage.ctx, run);
    await stage.cluster.run(replayed());
    const dying = { ...stage.ctx, notify: () => Promise.reject(new Error('out of time')) };
    await expect(reconcileRun(dying, run)).rejects.toThrow('out of time');
    expect((await runStatus(stage.ctx, run)).state).toBe('complete');
    // For all anybody knows the finalizer is still at it.
    await reconcileAll(stage.ctx);
    expect(stage.notices).toEqual([]);
    const later = { ...stage.ctx, now: () => new Date(Date.now() + 20 * 60_000) };
    await Promise.all(Array.from({ length: 20 }, () => reconcileAll(later)));
    expect(stage.notices.map(({ subject }) => subject)).toEqual([`igd: ${run} is complete`]);
    expect(stage.notices[0]?.text).toMatch(/8 images, 3 variants.*conf@0\.8.*npx igd browse --stack igd/s);
    expect(await reconcileAll(later)).toEqual([]);
  });

  test('a shard killed midway is done again from the start, and nothing else', async () => {
    const suite = [{ attack: 'apgd-ce', iterations: 400 }];
    const text = another({ variants: ['none'], suite });
    const run = await submit(stage, text);
    const hasStarted = async (spawned: Date) => {
      const record = await textOf(stage.ctx, run, remoteKeys.progress(1, 'evaluate', 0));
      return record !== undefined && new Date(taskProgressSchema.parse(JSON.parse(record)).startedAt) > spawned;
    };
    const codes: number[] = [];
    const batch: Container = async (env) => {
      const tries: Container[] = [
        asProcess({ signal: 'SIGTERM', when: hasStarted }),
        asProcess({ signal: 'SIGKILL', when: hasStarted }),
        inProcess,
      ];
      const attempts = codes.length === 0 ? tries : [inProcess];
      for (const attempt of attempts) codes.push(await attempt(env));
      return codes.at(-1) ?? 1;
    };
    await drive(stage, batch);
    expect(codes).toEqual([143, 137, 0, 0, 0]);
    expect(await runStatus(stage.ctx, run)).toMatchObject({ state: 'complete', failures: [] });
  });

  test('a task that is none of the run is bad input; one that is done already does nothing', async () => {
    const service = { IGD_SERVICE: JSON.stringify(source.ctx.service) };
    const task = { ...service, IGD_RUN: source.run, IGD_STAGE: 'evaluate' };
    expect(await inProcess(service)).toBe(2);
    expect(await inProcess({ ...task, IGD_RUN: 'no-such-run' })).toBe(2);
    expect(await inProcess({ ...task, AWS_BATCH_JOB_ARRAY_INDEX: '6' })).toBe(2);
    const result = () => textOf(source.ctx, source.run, 'shards/none/00000.json');
    const before = await result();
    expect(await inProcess({ ...task, AWS_BATCH_JOB_ARRAY_INDEX: '0' })).toBe(0);
    expect(await result()).toBe(before);
  });
});

function queueOf({ cluster }: Scene): ServiceContext['queue'] {
  return {
    submit: (request) => cluster.submit(request),
    describe: (ids) => cluster.describe(ids),
    find: (...asked) => cluster.find(...asked),
    terminate: (ids, reason) => cluster.terminate(ids, reason),
    pendingReasons: (array) => cluster.pendingReasons(array),
    newestRevision: (jobDefinition) => cluster.newestRevision(jobDefinition),
  };
}

function storeOf({ runs }: ServiceContext): ServiceContext['runs'] {
  return {
    get: (key) => runs.get(key),
    has: (key) => runs.has(key),
    put: (key, bytes) => runs.put(key, bytes),
    putNew: (key, bytes) => runs.putNew(key, bytes),
    remove: (key) => runs.remove(key),
    list: (prefix) => runs.list(prefix),
  };
}
