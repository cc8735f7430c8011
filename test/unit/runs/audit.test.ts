import { afterEach, describe, expect, it, vi } from 'vitest';
import { plannedSample, survivorsIn } from '../../../src/evaluation/audit/sample.ts';
import { JobContext } from '../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../src/runs/jobs/run-job.ts';
import { requireAuditAttacks } from '../../../src/runs/planning/audit.ts';
import {
  decodePlan,
  encodePlan,
  type Job,
  type Plan,
  planRun,
  stageJobs,
  stagesOf,
} from '../../../src/runs/planning/plan.ts';
import { prepareRun } from '../../../src/runs/planning/prepare-run.ts';
import { auditExamplesOf, shardResult } from '../../../src/runs/results.ts';
import { executeRun } from '../../../src/runs/run.ts';
import { verifyRun } from '../../../src/runs/verify.ts';
import { writeReport } from '../../../src/runs/write-report.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { runKeys } from '../../../src/schemas/keys.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { type Report, reportSchema } from '../../../src/schemas/report.ts';
import { shardResultSchema } from '../../../src/schemas/results.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { smallConfig } from '../../support/cli.ts';

/** A weak suite, so that much survives, and an audit that breaks some of it. */
const AUDIT = { suite: [{ attack: 'apgd-t', iterations: 12, targets: 2 }], halfWidth: 0.1, confidence: 0.7 };
const AUDITED = {
  dataset: { format: 'cifar10', test: 'examples/demo/test.bin', testImages: 24 },
  layer: undefined,
  importantUnits: undefined,
  variants: ['none'],
  threat: { norm: 'Linf', epsilon: '3/255' },
  suite: [{ attack: 'apgd-ce', iterations: 1 }],
  audit: AUDIT,
  compute: { batchSize: 8, imagesPerShard: 24 },
};

const written = (changes: Readonly<Record<string, unknown>> = {}): Plan['source'] =>
  JSON.parse(JSON.stringify(smallConfig({ ...AUDITED, ...changes })));
const read = (source: Plan['source']) => parseConfig(JSON.stringify(source), 'c.json');

interface Done {
  readonly plan: Plan;
  readonly report: Report;
  readonly store: MemoryStore;
  /** Stages told of, in order. */
  readonly stages: readonly string[];
}

/** A run in this process, its jobs in an order of one's own. */
async function run(
  changes: Readonly<Record<string, unknown>> = {},
  order: (jobs: readonly Job[]) => readonly Job[] = (jobs) => jobs,
): Promise<Done> {
  const source = written(changes);
  const store = new MemoryStore();
  const stages: string[] = [];
  const outcome = await executeRun({
    config: read(source),
    source,
    runs: store,
    rankings: store,
    listener: { stage: (stage) => stages.push(stage), progress: () => undefined, done: () => undefined },
    executor: (plan) => {
      const context = contextOf(plan, store);
      return {
        async run(jobs, listener) {
          for (const job of order(jobs)) {
            await runJob(context, job, (state) => listener.progress(job, state));
            listener.done(job);
          }
        },
        close: () => context.release(),
      };
    },
  });
  return { ...outcome, store, stages };
}

function contextOf(plan: Plan, store: MemoryStore): JobContext {
  return new JobContext({ plan, runs: store, rankings: store, runtime: onnxRuntime({ threads: 1 }) });
}

/** What a report says of its variants, without times. */
const found = ({ report }: Done) =>
  JSON.parse(JSON.stringify(report.variants), (key, value: unknown) =>
    key === 'seconds' || key === 'proof' ? undefined : value,
  );

const whole = run();
afterEach(() => vi.restoreAllMocks());

describe('an audited run', () => {
  it('takes a keyed sample of what survived, bounds what would be left, and keeps what it broke', async () => {
    const { plan, report, store, stages } = await whole;
    expect(stages).toEqual(['rank', 'evaluate', 'transfer', 'audit']);
    const { audit, robust } = report.variants[0]!;
    const { images } = await shardResult(store, 'none', 0);
    const survivors = survivorsIn(images);
    const bound = { halfWidth: AUDIT.halfWidth, confidence: AUDIT.confidence, images: 24, variants: 1, seed: 0 };
    const sample = plannedSample(survivors, bound);
    expect(audit).toMatchObject({ suite: 'apgd-t', confidence: 0.7, survivors: robust.correct, sample: sample.length });
    expect(sample.length).toBeLessThan(survivors.length);
    const { broken, accuracy, interval } = audit!;
    expect(broken.length).toBeGreaterThan(0);
    expect(broken.every((image) => sample.includes(image))).toBe(true);
    expect(interval[0]).toBeLessThanOrEqual(accuracy);
    expect(interval[1]).toBeGreaterThanOrEqual(accuracy);
    expect(accuracy).toBeCloseTo((survivors.length * (1 - broken.length / sample.length)) / 24, 12);
    expect(audit!.gradients).toBeGreaterThan(0);
    expect(report.run.audit).toEqual({ suite: 'apgd-t', halfWidth: 0.1, confidence: 0.7 });
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    const examples = await auditExamplesOf(store, 'none', 0);
    expect(examples.map(({ outcome }) => outcome.image)).toEqual(broken);
    const { checked, failures } = await verifyRun(
      { plan, runs: store, rankings: store, runtime: onnxRuntime({ threads: 1 }) },
      () => undefined,
    );
    expect(failures).toEqual([]);
    expect(checked).toBe(images.filter(({ brokenBy }) => brokenBy !== null).length + broken.length);
  });

  it('says the same of every cut into shards, batch size and order of jobs', async () => {
    const expected = found(await whole);
    const cut = await run({ compute: { batchSize: 3, imagesPerShard: 5 } }, (jobs) => jobs.toReversed());
    expect(stageJobs(cut.plan, 'audit').length).toBeGreaterThan(1);
    expect(found(cut)).toEqual(expected);
  });

  it('samples every variant by the same order, and what one alone would break is what the attacks break on it', async () => {
    const { report, store } = await run({ variants: ['none', 'two-pass'], layer: 'layer4' });
    const alone = await run({ suite: AUDIT.suite, audit: undefined });
    const attacked = await shardResult(alone.store, 'none', 0);
    const breaks = new Set(attacked.images.flatMap(({ image, brokenBy }) => (brokenBy === null ? [] : [image])));
    const bytes = await store.get(runKeys.audit('none', 0));
    const { images } = shardResultSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    expect(images.length).toBeGreaterThan(0);
    for (const { image, brokenBy } of images) expect(brokenBy !== null, `${image}`).toBe(breaks.has(image));
    for (const { audit } of report.variants) expect(audit?.confidence).toBe(0.7);
  });

  it('follows a suite with examples made once, and takes such a suite itself, made for each variant anew', async () => {
    const variants = { variants: ['none', 'two-pass'], layer: 'layer4' };
    const rapid = await run({ ...variants, suite: 'rapid', audit: { ...AUDIT, halfWidth: 0.1 } });
    expect(rapid.stages).toEqual(['rank', 'craft', 'evaluate', 'transfer', 'audit']);
    for (const { audit, robust } of rapid.report.variants) expect(audit?.survivors).toBe(robust.correct);
    const { plan, report } = await run({ ...variants, audit: { ...AUDIT, suite: 'rapid' } });
    expect(stagesOf(plan)).not.toContain('craft');
    expect(plan.audit?.suite.map(({ name, on }) => [name, on])).toEqual([
      ['base.malt', { variant: 'none' }],
      ['malt', undefined],
      ['pma', undefined],
    ]);
    for (const { audit } of report.variants) expect(audit?.suite).toBe('rapid');
    expect(report.variants[0]?.audit?.broken.length).toBeGreaterThan(0);
  });

  it('goes on within a shard of the audit where it was stopped', async () => {
    const { plan, store } = await whole;
    const again = new MemoryStore();
    const context = contextOf(plan, again);
    for (const key of await store.list('shards/')) await again.put(key, (await store.get(key))!);
    const job = { kind: 'audit', variant: 'none', shard: 0 } as const;
    // An hour passes whenever somebody looks: every state is saved.
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 3_600_000));
    let steps = 0;
    const stopping = runJob(context, job, () => {
      if (++steps > 5) throw new Error('stopped');
    });
    await expect(stopping).rejects.toThrow('stopped');
    expect(await again.list('')).toContain(runKeys.auditState('none', 0));
    expect(await again.has(runKeys.audit('none', 0))).toBe(false);
    const earlier: unknown[] = [];
    await runJob(context, job, (state) => earlier.push(state.earlier));
    vi.restoreAllMocks();
    await context.release();
    expect(earlier.every((state) => state !== undefined)).toBe(true);
    expect(await again.list('state/')).toEqual([]);
    const outcomes = async (from: MemoryStore) =>
      shardResultSchema.parse(JSON.parse(new TextDecoder().decode(await from.get(runKeys.audit('none', 0))))).images;
    expect(await outcomes(again)).toEqual(await outcomes(store));
    expect(await again.get(runKeys.auditExamples('none', 0))).toEqual(
      await store.get(runKeys.auditExamples('none', 0)),
    );
  });

  it('is partial without its audit, and says so; another sample than the planned one is refused', async () => {
    const { plan, store } = await whole;
    const without = new MemoryStore();
    for (const key of await store.list(''))
      if (!key.startsWith('audit/')) await without.put(key, (await store.get(key))!);
    await expect(writeReport(plan, without, without)).rejects.toThrow(/audit\/none\/00000.json is missing/);
    const report = await writeReport(plan, without, without, { allowPartial: true });
    expect(report.variants[0]?.audit).toBeUndefined();
    expect(report.variants[0]?.flags.map(({ code }) => code)).toContain('audit-missing');
    const foreign = JSON.parse(new TextDecoder().decode(await store.get(runKeys.audit('none', 0))));
    foreign.images.pop();
    await without.put(runKeys.audit('none', 0), JSON.stringify(foreign));
    await expect(writeReport(plan, without, without)).rejects.toThrow(
      /variant none: the audit's results are of other images/,
    );
  });
});

describe('the plan of an audit', () => {
  it('is another run than one without, and the plan of one without says nothing of it', async () => {
    const { plan } = await whole;
    expect(decodePlan(new TextEncoder().encode(encodePlan(plan)), 'plan.json')).toEqual(plan);
    const plans = await Promise.all(
      [{ audit: undefined }, { audit: { ...AUDIT, halfWidth: 0.09 } }, { audit: { ...AUDIT, confidence: 0.8 } }].map(
        async (changes) => (await prepareRun(read(written(changes)), written(changes))).plan,
      ),
    );
    expect(new Set([plan, ...plans].map(({ id }) => id)).size).toBe(4);
    expect(encodePlan(plans[0]!)).not.toContain('audit');
    expect(stagesOf(plans[0]!)).toEqual(['rank', 'evaluate', 'transfer']);
  });

  it('is refused where the suite is the same, whatever its attacks are called', async () => {
    const prepare = (changes: Readonly<Record<string, unknown>>) =>
      prepareRun(read(written(changes)), written(changes));
    await expect(prepare({ suite: 'standard', audit: {} })).rejects.toThrow(
      /audit.suite: is what "suite" is \(standard\)/,
    );
    const renamed = [{ ...AUDIT.suite[0], name: 'again' }];
    await expect(prepare({ suite: AUDIT.suite, audit: { ...AUDIT, suite: renamed } })).rejects.toThrow(
      /audit.suite: is/,
    );
  });

  it('is refused before anything is attacked where one of its attacks is not for so few classes', async () => {
    const config = read(written({ audit: {} }));
    const { plan } = await whole;
    const inputs = { ...plan.inputs, checkpoint: { ...plan.inputs.checkpoint, classes: 3 } };
    const planned = planRun(config, written({ audit: {} }), inputs);
    await expect(requireAuditAttacks(planned, inputs)).rejects.toThrow(
      /^audit.suite: apgd-t needs a model of at least 4 classes/,
    );
    await expect(requireAuditAttacks(plan, plan.inputs)).resolves.toBeUndefined();
  });
});
