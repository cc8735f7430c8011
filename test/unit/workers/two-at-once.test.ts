import '../../service/quiet.ts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { remoteKeys, taskProgressSchema } from '../../../src/schemas/service.ts';
import { taskReporter } from '../../../src/service/task-progress.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { jobsAtOnce } from '../../../src/workers/worker-count.ts';
import { remoteConfig, uploadInputs } from '../../service/harness.ts';
import { hasMoto, type Moto, startMoto } from '../../service/moto.ts';
import { hasRequirement } from '../../support/require.ts';
import { batchRun } from './batch-run.ts';
import { executorContract } from './contract.ts';

/** The CPU does in these tests as a card does: a task has two jobs in hand. */
vi.mock('../../../src/workers/worker-count.ts', async (original) => ({
  ...(await original<typeof import('../../../src/workers/worker-count.ts')>()),
  jobsAtOnce: () => 2,
  workerCount: () => ({ workers: 2, limit: undefined }),
}));

describe.runIf(hasMoto)('with the emulator', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
  });
  afterAll(() => moto.stop());

  executorContract(
    'Batch, two jobs at once,',
    (changes) => {
      const { dataset = {}, ...others } = changes;
      const base = remoteConfig({ name: 'two', suite: [{ attack: 'apgd-ce', iterations: 3 }] });
      return batchRun({ ...base, ...others, dataset: { ...Object(base.dataset), ...dataset } }, moto);
      // What it tells of two jobs in hand is below, and how it fails and ends in executors.test.ts.
    },
    { brief: !hasRequirement('whole') },
  );
});

test('the record of two jobs in hand tells of the first that was begun, and of the other after it', async () => {
  expect(jobsAtOnce('cpu', 2)).toBe(2);
  const files = new MemoryStore();
  const jobs = ['none shard 0', 'none shard 1'] as const;
  const task = { run: 'r', stage: 'evaluate', attempt: 1, offset: 0, jobsPerTask: 2 } as const;
  const reporter = taskReporter({ task, number: 0, jobs, files }, () => undefined);
  const read = async () => {
    await reporter.end();
    const bytes = await files.get(remoteKeys.progress(1, 'evaluate', 0));
    const { job, fraction, done } = taskProgressSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
    return { job, fraction, done };
  };
  const [first, second] = jobs;
  reporter.progress(second, { fraction: 0.25, evaluations: 1 });
  reporter.progress(first, { fraction: 0.5, evaluations: 1 });
  expect(await read()).toEqual({ job: 'none shard 1', fraction: 0.25, done: 0 });
  reporter.done(second);
  expect(await read()).toEqual({ job: 'none shard 0', fraction: 0.5, done: 1 });
  reporter.done(first);
  expect(await read()).toEqual({ job: 'none shard 0', fraction: 0, done: 2 });
});
