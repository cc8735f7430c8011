import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { JobContext } from '../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../src/runs/jobs/run-job.ts';
import { type Job, planRun } from '../../../src/runs/planning/plan.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { smallConfig } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let folder: string;
beforeEach(async () => {
  folder = temporaryFolder('igd-planned-');
  for (const name of ['shapes10-rn18-w8.pt', 'test.bin', 'train.bin'])
    await copyFile(`examples/demo/${name}`, `${folder}/${name}`);
});

/** A planned run of `none` and `loir`, and a fresh worker for it. */
async function planned() {
  const source = smallConfig({
    checkpoint: { uri: `${folder}/shapes10-rn18-w8.pt` },
    dataset: {
      format: 'cifar10',
      test: `${folder}/test.bin`,
      probe: `${folder}/train.bin`,
      testImages: 8,
      probeImages: 50,
    },
    variants: ['none', 'loir'],
    suite: [{ attack: 'apgd-ce', iterations: 1 }],
  });
  const config = parseConfig(JSON.stringify(source), 'c.json');
  const plan = planRun(config, JSON.parse(JSON.stringify(source)), await inspectInputs(config));
  const stores = { runs: new MemoryStore(), rankings: new MemoryStore() };
  const open = () => new JobContext({ plan, ...stores, runtime: onnxRuntime({ threads: 1 }) });
  return { ...stores, open };
}

/** Another file of the same size: its last byte, which is of no header, is another. */
async function replace(name: string): Promise<void> {
  const bytes = await readFile(`${folder}/${name}`);
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
  await writeFile(`${folder}/${name}`, bytes);
}

const EVALUATE: Job = { kind: 'evaluate', variant: 'none', shard: 0 };
const work = (context: JobContext, job: Job) => runJob(context, job, () => undefined);

test.each([
  ['test.bin', 'test set', EVALUATE],
  ['shapes10-rn18-w8.pt', 'checkpoint', EVALUATE],
  ['train.bin', 'probe set', { kind: 'rank', method: 'loir' }],
  ['shapes10-rn18-w8.pt', 'checkpoint', { kind: 'rank', method: 'loir' }],
] satisfies [string, string, Job][])(
  '%s that was replaced after the plan is named, and nothing is stored',
  async (name, what, job) => {
    const { runs, rankings, open } = await planned();
    await replace(name);
    const refused = work(open(), job);
    await expect(refused).rejects.toThrow(
      new RegExp(
        `the ${what} .*${name} is another file than when the run was planned: its SHA-256 is \\w{64}, planned was \\w{64}\\. .*start a new run`,
      ),
    );
    await expect(refused).rejects.toMatchObject({ exitCode: 2 });
    expect(await rankings.list('')).toEqual([]);
    expect((await runs.list('')).filter((key) => key.startsWith('shards/'))).toEqual([]);
  },
);

test('a worker that comes later mixes no second checkpoint into a run', async () => {
  const { runs, open } = await planned();
  await work(open(), EVALUATE);
  const before = await runs.list('');
  expect(before.filter((key) => key.startsWith('shards/')).length).toBeGreaterThan(0);
  await replace('shapes10-rn18-w8.pt');
  await expect(work(open(), { ...EVALUATE, shard: 1 })).rejects.toThrow(/the checkpoint .* is another file/);
  expect(await runs.list('')).toEqual(before);
});
