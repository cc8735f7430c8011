import './quiet.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { runStatus } from '../../src/service/status.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { inProcess } from './cluster.ts';
import { remoteConfig, type Scene, scene, textOf, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

describe.runIf(hasMoto)('evaluations that another run on the service has kept', () => {
  let moto: Moto;
  let stage: Scene;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
    stage = await scene(moto);
  });
  afterAll(() => moto.stop());

  /** The run of a config, to its end; and the tasks of the jobs that it took. */
  async function done(name: string, variants: readonly string[]): Promise<{ run: string; tasks: number[] }> {
    const before = stage.cluster.jobs.length;
    const changes = { name, variants, temperature: 1, suite: [{ attack: 'apgd-ce', iterations: 1 }] };
    const submitted = await submitConfig(stage.ctx, name, JSON.stringify(remoteConfig(changes)));
    if (submitted.kind === 'rejected') throw new Error(submitted.problems.join('\n'));
    const { run } = submitted;
    for (
      let events = await stage.cluster.run(inProcess);
      events.length > 0;
      events = await stage.cluster.run(inProcess)
    )
      for (const event of events) await handleEvent(stage.ctx, event);
    expect((await runStatus(stage.ctx, run)).state).toBe('complete');
    return { run, tasks: stage.cluster.jobs.slice(before).map(({ size }) => size) };
  }

  test('are not computed again: only a variant that is new, and nothing of a run that only has another name', async () => {
    const first = await done('first', ['none']);
    const again = await done('again', ['none']);
    const more = await done('more', ['none', 'two-pass']);
    // Two shards of a variant, one task of them ahead; transfer is one task for all.
    expect([first.tasks, again.tasks, more.tasks]).toEqual([[1, 1, 1], [1], [1, 1, 1]]);
    expect(await textOf(stage.ctx, again.run, 'images.csv')).toBe(await textOf(stage.ctx, first.run, 'images.csv'));
  });
});
