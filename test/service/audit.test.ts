import './quiet.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { remoteKeys } from '../../src/schemas/service.ts';
import { retryRun } from '../../src/service/run-control.ts';
import { runStatus } from '../../src/service/status.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { type Container, inProcess } from './cluster.ts';
import { remoteConfig, replay, type Scene, scene, textOf, timeless, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

/** Two shards of two variants, a weak suite, and an audit of two shards a variant at most. */
const AUDITED = remoteConfig({
  name: 'audited',
  variants: ['none', 'two-pass'],
  threat: { norm: 'Linf', epsilon: '2/255' },
  suite: [{ attack: 'apgd-ce', iterations: 1 }],
  audit: { suite: [{ attack: 'apgd-t', iterations: 5, targets: 2 }], halfWidth: 0.1 },
});

async function submit({ ctx }: Scene): Promise<string> {
  const submitted = await submitConfig(ctx, 'config', JSON.stringify(AUDITED));
  if (submitted.kind === 'rejected') throw new Error(submitted.problems.join('\n'));
  return submitted.run;
}

async function drive({ ctx, cluster }: Scene, container: Container): Promise<void> {
  for (let events = await cluster.run(container); events.length > 0; events = await cluster.run(container))
    for (const event of events) await handleEvent(ctx, event);
}

describe.runIf(hasMoto)('an audited run on the service', () => {
  let moto: Moto;
  let source: Scene & { readonly run: string };
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
    const first = await scene(moto);
    source = { ...first, run: await submit(first) };
    await drive(first, inProcess);
  }, 400_000);
  afterAll(() => moto.stop());

  test('audits beside the transfer, and reports once both have ended', async () => {
    const { ctx, cluster, run } = source;
    const status = await runStatus(ctx, run);
    expect(status.state).toBe('complete');
    expect(status.stages.map(({ stage, jobs }) => [stage, jobs?.done, jobs?.total])).toEqual([
      ['rank', 0, 0],
      ['evaluate', 4, 4],
      ['transfer', 4, 4],
      ['audit', 4, 4],
    ]);
    // Evaluation; then transfer, in one task, and the audit at once.
    expect(cluster.jobs.map(({ size }) => size)).toEqual([1, 3, 1, 4]);
    const report = timeless(await textOf(ctx, run, 'report.json'));
    expect(report).toMatchObject({ variants: [{ audit: { suite: 'apgd-t' } }, { audit: { confidence: 0.95 } }] });
  });

  test('is partial where a part of the audit fails for good, and a retry does that part alone', async () => {
    const stage = await scene(moto);
    const run = await submit(stage);
    const from = { run: source.run, runs: source.ctx.runs };
    await drive(
      stage,
      replay(stage.ctx, from, (job) => job.kind === 'audit' && job.variant === 'two-pass' && job.shard === 1),
    );
    const { state, failures, outcome } = await runStatus(stage.ctx, run);
    expect(state).toBe('partial');
    expect(failures).toMatchObject([{ stage: 'audit', message: 'out of memory' }]);
    expect(outcome?.message).toContain('0 of 4 evaluations, 0 of 4 transfers and 1 of 4 audits are missing');
    const partial = timeless(await textOf(stage.ctx, run, `${remoteKeys.partial(1)}report.json`));
    expect(partial).toMatchObject({
      run: { images: 8, missing: [] },
      variants: [
        { audit: { suite: 'apgd-t' } },
        { flags: expect.arrayContaining([{ code: 'audit-missing', message: expect.any(String) }]) },
      ],
    });
    const before = stage.cluster.jobs.length;
    await retryRun(stage.ctx, run);
    await drive(stage, replay(stage.ctx, from));
    expect(stage.cluster.jobs.slice(before).map(({ size }) => size)).toEqual([1]);
    expect(timeless(await textOf(stage.ctx, run, 'report.json'))).toEqual(
      timeless(await textOf(source.ctx, source.run, 'report.json')),
    );
  });
});
