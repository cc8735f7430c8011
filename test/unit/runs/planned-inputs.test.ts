import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { plannedCheckpoint, requirePlanned } from '../../../src/runs/inputs/planned-inputs.ts';
import { JobContext } from '../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../src/runs/jobs/run-job.ts';
import { type Job, type Plan, planRun } from '../../../src/runs/planning/plan.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { scratch, smallConfig } from '../../support/cli.ts';

let folder: ReturnType<typeof scratch>;
let plan: Plan;
const [checkpoint, testSet, probe] = ['net.pt', 'test.bin', 'probe.bin'] as const;

beforeEach(async () => {
  folder = scratch();
  copyFileSync('examples/demo/shapes10-rn18-w8.pt', folder.path(checkpoint));
  copyFileSync('examples/demo/test-64.bin', folder.path(testSet));
  copyFileSync('examples/demo/train-200.bin', folder.path(probe));
  const document = smallConfig({
    checkpoint: { uri: folder.path(checkpoint) },
    dataset: {
      format: 'cifar10',
      test: folder.path(testSet),
      probe: folder.path(probe),
      testImages: 4,
      probeImages: 100,
    },
    ...{ variants: ['none', 'loir'], suite: [{ attack: 'apgd-ce', iterations: 2 }] },
  });
  const config = parseConfig(JSON.stringify(document), 'c.json');
  plan = planRun(config, JSON.parse(JSON.stringify(document)), await inspectInputs(config));
});
afterEach(() => folder.remove());

/** Does a job as a worker that starts now; gives what it left behind. */
async function done(job: Job): Promise<{ readonly runs: MemoryStore; readonly rankings: MemoryStore }> {
  const stores = { runs: new MemoryStore(), rankings: new MemoryStore() };
  const context = new JobContext({ plan, ...stores, runtime: onnxRuntime({ threads: 1 }) });
  await runJob(context, job, () => {}).finally(() => context.release());
  return stores;
}

const evaluation: Job = { kind: 'evaluate', variant: 'none', shard: 0 };
const ranking: Job = { kind: 'rank', method: 'loir' };

/** Another file of the same form: one byte of a weight, or of a pixel, is another. */
function replace(name: string): void {
  const bytes = readFileSync(folder.path(name));
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(folder.path(name), bytes);
}

describe('a file that was replaced since a run was planned', () => {
  test('is called as its user does, not as the copy that was fetched of it', async () => {
    const source = smallConfig({ checkpoint: { uri: 's3://bucket/net.pt' } });
    const fetched = { ...plan, source: JSON.parse(JSON.stringify(source)) };
    replace(checkpoint);
    await expect(requirePlanned(plannedCheckpoint(fetched))).rejects.toThrow(
      /^the checkpoint s3:\/\/bucket\/net\.pt is another/,
    );
  });

  test.each([
    ['test set', testSet, evaluation],
    ['checkpoint', checkpoint, evaluation],
    ['checkpoint', checkpoint, ranking],
    ['probe set', probe, ranking],
  ] as const)('is refused: the %s', async (what, file, job) => {
    replace(file);
    const error: unknown = await done(job).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(InputError);
    expect(String(error)).toContain(`the ${what} ${folder.path(file)} is another file than when the run was planned`);
    expect(String(error)).not.toContain('\n');
  });

  test('is taken again once it is put back', async () => {
    replace(probe);
    await expect(done(ranking)).rejects.toThrow('the probe set');
    replace(probe);
    const { rankings } = await done(ranking);
    expect(await rankings.list('')).toHaveLength(1);
  });
});
