import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { digestAfter, digestBefore } from '../../../src/runs/inputs/images-digest.ts';
import { inspectInputs } from '../../../src/runs/inputs/inspect-inputs.ts';
import { JobContext } from '../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../src/runs/jobs/run-job.ts';
import { executeParameterSweep, requireSameInputs } from '../../../src/runs/parameter-sweep.ts';
import { type Job, planRun } from '../../../src/runs/planning/plan.ts';
import { loadRanking } from '../../../src/runs/planning/rankings.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import type { RunConfig } from '../../../src/schemas/config.ts';
import { namedInputs, withPaths } from '../../../src/schemas/input-paths.ts';
import { parseParameterSweep } from '../../../src/schemas/parameter-sweep.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { planConfig } from '../../../src/service/plan-config.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { smallConfig, writeJson } from '../../support/cli.ts';
import { lettersTokenizer } from '../../support/clip.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let folder: string;
beforeEach(async () => {
  folder = temporaryFolder('igd-planned-');
  for (const name of ['shapes10-rn18-w8.pt', 'test.bin', 'train.bin'])
    await copyFile(`examples/demo/${name}`, `${folder}/${name}`);
});

/** A planned run of `none` and `loir`, and a fresh worker for it. */
async function planned(changes: Readonly<Record<string, unknown>> = {}) {
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
    ...changes,
  });
  const config = parseConfig(JSON.stringify(source), 'c.json');
  const plan = planRun(config, JSON.parse(JSON.stringify(source)), await inspectInputs(config));
  const stores = { runs: new MemoryStore(), rankings: new MemoryStore() };
  const open = () => new JobContext({ plan, ...stores, runtime: onnxRuntime({ threads: 1 }) });
  return { plan, ...stores, open };
}

/** Another file of the same size: its last byte, which is of no header, is another. */
function replace(name: string): void {
  const bytes = readFileSync(`${folder}/${name}`);
  bytes.writeUInt8((bytes.at(-1) ?? 0) ^ 1, bytes.length - 1);
  writeFileSync(`${folder}/${name}`, bytes);
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
    replace(name);
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
  replace('shapes10-rn18-w8.pt');
  await expect(work(open(), { ...EVALUATE, shard: 1 })).rejects.toThrow(/the checkpoint .* is another file/);
  expect(await runs.list('')).toEqual(before);
});

test('a ranking that is another than its name in the store says masks nothing', async () => {
  const { plan, runs, rankings, open } = await planned();
  await work(open(), { kind: 'rank', method: 'loir' });
  const [key = ''] = await rankings.list('');
  const text = new TextDecoder().decode(await rankings.get(key));
  // Who ranks the same at the same time leaves what is there.
  await rankings.put(key, `${text}\n`);
  await work(open(), { kind: 'rank', method: 'loir' });
  expect(new TextDecoder().decode(await rankings.get(key))).toBe(`${text}\n`);
  await rankings.put(key, text.replace('"signed": false', '"signed": true'));
  const refused = work(open(), { ...EVALUATE, variant: 'loir' });
  await expect(refused).rejects.toThrow(/holds another ranking than its name says .*delete it, and it is ranked again/);
  await expect(refused).rejects.toMatchObject({ exitCode: 2 });
  expect((await runs.list('')).filter((name) => name.startsWith('shards/'))).toEqual([]);
  // Nor is it the run's from then on, where that has none yet.
  await runs.remove('ranking.loir.json');
  await expect(work(open(), { ...EVALUATE, variant: 'loir' })).rejects.toThrow(/another ranking than its name says/);
  await rankings.put(key, text.slice(0, 400));
  await expect(work(open(), { ...EVALUATE, variant: 'loir' })).rejects.toThrow(/is damaged: delete it/);
  expect(await runs.has('ranking.loir.json')).toBe(false);

  const brought = new TextEncoder().encode(text);
  const digest = createHash('sha256').update(brought).digest('hex');
  const imported = { plan: { ...plan, rankings: [{ method: 'loir' as const, digest, imported: true }] }, rankings };
  await rankings.put(`rankings/${digest}.json`, brought);
  expect((await loadRanking(imported, 'loir')).scores.units).toBeGreaterThan(0);
  await rankings.put(`rankings/${digest}.json`, text.replace('"scores": "A', '"scores": "B').replace('\n', ' \n'));
  await expect(loadRanking(imported, 'loir')).rejects.toThrow(/holds another ranking/);
});

test('a ranking whose scores are others than those of the run before masks nothing of it', async () => {
  const { runs, rankings, open } = await planned();
  await work(open(), { kind: 'rank', method: 'loir' });
  const [key = ''] = await rankings.list('');
  const text = new TextDecoder().decode(await rankings.get(key));
  await rankings.put(key, text.replace(/"scores": ".{4}/, '"scores": "AAAA'));
  const refused = work(open(), { ...EVALUATE, variant: 'loir' });
  await expect(refused).rejects.toThrow(/is not the one that this run is done with .*delete it from the store/);
  expect((await runs.list('')).filter((name) => name.startsWith('shards/'))).toEqual([]);
  await rankings.remove(key);
  await work(open(), { kind: 'rank', method: 'loir' });
  expect(new TextDecoder().decode(await rankings.get(key))).toBe(text);
});

test('embeddings of a CLIP that was replaced while it was read are kept for nobody', async () => {
  await copyFile('test/fixtures/clip/clip.pt', `${folder}/clip.pt`);
  const tokenizer = writeJson(`${folder}/tokenizer.json`, lettersTokenizer());
  const classNames = `${folder}/names.txt`;
  writeFileSync(classNames, 'abcdefghij'.split('').join('\n'));
  const clip = { model: `${folder}/clip.pt`, tokenizer };
  const [test, probe] = ['test.bin', 'train.bin'].map((name) => `${folder}/${name}`);
  const dataset = { format: 'cifar10', test, probe, testImages: 4, probeImages: 100 };
  const { rankings, open } = await planned({
    variants: ['cdir'],
    dataset,
    ranking: { clip, classNames },
  });
  // Nothing is known of the images when they are asked for, after the first look at the files.
  const get = rankings.get.bind(rankings);
  rankings.get = (key) => {
    if (key.startsWith('embeddings/')) replace('clip.pt');
    return get(key);
  };
  await expect(work(open(), { kind: 'rank', method: 'cdir' })).rejects.toThrow(/the CLIP .* is another file/);
  expect(await rankings.list('')).toEqual([]);
});

const SWEEP = {
  variants: ['none'],
  suite: [{ attack: 'apgd-ce', iterations: 1 }],
  sweep: { temperature: [1, 2] },
};

test('a sweep whose data is replaced between two of its runs compares no two files', async () => {
  const dataset = { format: 'cifar10', test: `${folder}/test.bin`, testImages: 4 };
  const checkpoint = { uri: `${folder}/shapes10-rn18-w8.pt` };
  const sweep = parseParameterSweep(JSON.stringify(smallConfig({ ...SWEEP, checkpoint, dataset })), 's.json')!;
  const rankings = new MemoryStore();
  const ignore = () => undefined;
  const done: string[] = [];
  const executed = executeParameterSweep({
    sweep,
    store: new MemoryStore(),
    begin: ({ label }, position) => {
      done.push(label);
      if (position === 1) replace('test.bin');
    },
    optionsFor: () => {
      const runs = new MemoryStore();
      const listener = { stage: ignore, progress: ignore, done: ignore, elsewhere: ignore, processes: ignore };
      return {
        ...{ runs, rankings, listener },
        executor: (plan) => {
          const context = new JobContext({ plan, runs, rankings, runtime: onnxRuntime({ threads: 1 }) });
          return {
            run: async (jobs) => {
              for (const job of jobs) await work(context, job);
            },
            close: () => context.release(),
          };
        },
      };
    },
  });
  await expect(executed).rejects.toThrow(/the test set was replaced since the sweep over temperature began/);
  expect(done).toEqual(['temperature=1', 'temperature=2']);
});

test.each([
  ['CLIP', { files: ['2'.repeat(64)] }, undefined],
  ['tokenizer', { tokenizer: '3'.repeat(64) }, undefined],
  ['list of class names', { concepts: ['cat', 'dog'] }, undefined],
  ['ranking file', {}, '4'.repeat(64)],
])('a sweep whose %s is replaced between two of its runs is refused', async (what, clip, ranking) => {
  const { plan } = await planned();
  const names = { description: 'clip', files: ['1'.repeat(64)], tokenizer: '1'.repeat(64), concepts: ['dog', 'cat'] };
  const planOf = (changed: object, digest: string) => ({
    ...plan,
    inputs: { ...plan.inputs, clip: { ...names, ...changed } },
    rankings: [{ method: 'loir' as const, digest, imported: true }],
  });
  const [before, after] = [planOf({}, '1'.repeat(64)), planOf(clip, ranking ?? '1'.repeat(64))];
  requireSameInputs('temperature', [before, before]);
  expect(() => requireSameInputs('temperature', [before, after])).toThrow(`the ${what} was replaced since the sweep`);
});

test('a sweep whose data is replaced while the service plans it is planned anew', async () => {
  const dataset = { format: 'cifar10', test: 's3://b/test.bin', testImages: 4 };
  const config = smallConfig({ ...SWEEP, checkpoint: { uri: 's3://b/shapes10-rn18-w8.pt' }, dataset });
  let planned = 0;
  const ctx = Object.assign(Object.create(null), {
    rankings: new MemoryStore(),
    service: { gpuDevice: 'cuda' },
    localise: async (named: RunConfig) => {
      if (++planned === 2) replace('test.bin');
      const paths = namedInputs(named).map(({ keys, path }) => ({ keys, path: path.replace('s3://b', folder) }));
      return { config: withPaths(named, paths), versions: {} };
    },
  });
  const text = JSON.stringify(config);
  await expect(planConfig(ctx, 'small', text)).rejects.toThrow(RunError);
  expect((await planConfig(ctx, 'small', text)).parts.map(({ label }) => label)).toEqual([
    'temperature=1',
    'temperature=2',
  ]);
});

test('images that are written to while they are read are named: the plan would have the digest of others', async () => {
  const spec = { format: 'cifar10', path: `${folder}/test.bin`, split: 'test' } as const;
  const before = await digestBefore(spec);
  expect(await digestAfter(spec, before)).toBe(before);
  await replace('test.bin');
  const refused = digestAfter(spec, before);
  await expect(refused).rejects.toThrow(/test\.bin: was written to while it was read/);
  await expect(refused).rejects.toMatchObject({ exitCode: 2 });
  // What cannot be read is its reader's to say; of a folder it would take one more reading.
  expect(await digestBefore({ ...spec, path: `${folder}/gone.bin` })).toBe(undefined);
  expect(await digestBefore({ ...spec, path: folder })).toBe(undefined);
});
