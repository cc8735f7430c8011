import { expect, test } from 'vitest';
import { inspectInputs } from '../../../../src/runs/inputs/inspect-inputs.ts';
import { JobContext } from '../../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../../src/runs/jobs/run-job.ts';
import { type Job, planRun } from '../../../../src/runs/planning/plan.ts';
import { resultKey } from '../../../../src/runs/results.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { parseConfig } from '../../../../src/schemas/parse-config.ts';
import { MemoryStore } from '../../../../src/stores/memory-store.ts';
import { smallConfig } from '../../../support/cli.ts';

/** One that was taken for dead and is not comes to its end late. Its examples beside another's result would be of other images. */
test('what another process has done meanwhile stays whole', async () => {
  const suite = [{ attack: 'apgd-ce', iterations: 1, name: 'once', on: { variant: 'none', once: true } }];
  const { dataset, ...rest } = smallConfig({ variants: ['none'], suite });
  const text = JSON.stringify({ ...rest, dataset: { ...Object(dataset), testImages: 2, probeImages: undefined } });
  const config = parseConfig(text, 'config');
  const plan = planRun(config, JSON.parse(text), await inspectInputs(config));
  const runs = new MemoryStore();
  const context = new JobContext({ plan, runs, rankings: runs, runtime: onnxRuntime({ threads: 1 }) });
  const jobs: Job[] = [
    { kind: 'craft', variant: 'none', shard: 0 },
    { kind: 'evaluate', variant: 'none', shard: 0 },
  ];
  for (const job of jobs) {
    const key = resultKey(plan, job);
    if (job.kind === 'evaluate') await runJob(context, jobs[0]!, () => undefined);
    await runs.put(key, 'theirs');
    const before = await runs.list('');
    await runJob(context, job, () => undefined);
    expect((await runs.list('')).filter((name) => !before.includes(name) && name !== 'testimony.json')).toEqual([]);
    expect(new TextDecoder().decode(await runs.get(key))).toBe('theirs');
    await runs.remove(key);
  }
  await context.release();
});
