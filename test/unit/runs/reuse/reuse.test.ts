import { beforeAll, describe, expect, test } from 'vitest';
import { RunError } from '../../../../src/errors.ts';
import { JobContext } from '../../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../../src/runs/jobs/run-job.ts';
import { type Job, jobLabel, type Plan } from '../../../../src/runs/planning/plan.ts';
import { executeRun } from '../../../../src/runs/run.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { parseConfig } from '../../../../src/schemas/parse-config.ts';
import type { Report } from '../../../../src/schemas/report.ts';
import { MemoryStore } from '../../../../src/stores/memory-store.ts';
import { smallConfig } from '../../../support/cli.ts';

type Changes = Readonly<Record<string, unknown>>;

const CE = { attack: 'apgd-ce', iterations: 3 };
const SQUARE = { attack: 'square', queries: 12 };
const DATA = { format: 'cifar10', test: 'examples/demo/test.bin', probe: 'examples/demo/train.bin' };
const SMALL = {
  dataset: { ...DATA, testImages: 6, probeImages: 60 },
  variants: ['none', 'loir'],
  temperature: 1,
  suite: [CE],
  ranking: { allowDegenerate: true },
  compute: { batchSize: 8, imagesPerShard: 3 },
};

interface Done {
  readonly runs: MemoryStore;
  readonly report: Report;
  /** Jobs that were computed, those of evaluation alone. */
  readonly computed: readonly string[];
  readonly reused: number;
  /** Images evaluated, with or without a gradient, by jobs of evaluation. */
  readonly evaluations: number;
}

/** A run in this process; what it finds is kept in, and taken from, the store of rankings. */
async function run(rankings: MemoryStore, changes: Changes = {}, keep = true): Promise<Done> {
  const source: Plan['source'] = JSON.parse(JSON.stringify(smallConfig({ ...SMALL, ...changes })));
  const runs = new MemoryStore();
  const computed: string[] = [];
  let evaluations = 0;
  const ignore = () => undefined;
  const { report, reused } = await executeRun({
    ...{ config: parseConfig(JSON.stringify(source), 'c.json'), source, runs, rankings, reuse: keep },
    listener: { stage: ignore, progress: ignore, done: ignore, elsewhere: ignore, processes: ignore },
    executor: (plan) => {
      const context = new JobContext({ plan, runs, rankings, runtime: onnxRuntime({ threads: 1 }), keep });
      const doJob = async (job: Job) => {
        let last = { evaluations: 0, earlier: 0 };
        await runJob(context, job, ({ evaluations: all, earlier }) => {
          last = { evaluations: all, earlier: earlier?.evaluations ?? 0 };
        });
        if (job.kind === 'evaluate' || job.kind === 'craft') {
          computed.push(jobLabel(job));
          evaluations += last.evaluations - last.earlier;
        }
      };
      return {
        run: async (jobs, listener) => {
          for (const job of jobs) {
            await doJob(job);
            listener.done(job);
          }
        },
        close: () => context.release(),
      };
    },
  });
  return { runs, report, computed, reused, evaluations };
}

async function fileOf({ runs }: Done, key: string): Promise<string> {
  return new TextDecoder().decode(await runs.get(key));
}

/** All that results say, but for seconds. */
async function resultsOf(done: Done): Promise<unknown[]> {
  const keys = [...(await done.runs.list('shards/')), ...(await done.runs.list('perturbations/'))];
  const texts = await Promise.all(keys.map((key) => fileOf(done, key)));
  return keys.map((key, i) => [key, texts[i]!.replaceAll(/"(seconds|runtimeSeconds)": [\d.e-]+/g, '"$1": 0')]);
}

describe('evaluations that another run has kept', () => {
  const rankings = new MemoryStore();
  let first: Done;
  beforeAll(async () => {
    first = await run(rankings);
  });

  test('are none at first', () => expect([first.computed.length, first.reused]).toEqual([4, 0]));

  test('are taken whole, byte for byte, and the report is the same', async () => {
    const again = await run(rankings, { name: 'again', compute: { batchSize: 2, imagesPerShard: 3 } });
    expect([again.computed, again.reused]).toEqual([[], 4]);
    for (const key of await first.runs.list('shards/'))
      expect(await again.runs.get(key)).toEqual(await first.runs.get(key));
    expect(await fileOf(again, 'images.csv')).toBe(await fileOf(first, 'images.csv'));
    expect(again.report.variants.map(({ robust, proof }) => [robust, proof?.checks])).toEqual(
      first.report.variants.map(({ robust, proof }) => [robust, proof?.checks]),
    );
    expect(again.report.checkpoint.testimony).toEqual(first.report.checkpoint.testimony);
  });

  test('are those of the undefended model for every temperature', async () => {
    const warmer = await run(rankings, { temperature: 0.5 });
    expect(warmer.computed).toEqual(['loir shard 0', 'loir shard 1']);
  });

  test('are those of the other thresholds where one is added', async () => {
    const one = await run(rankings, { variants: ['none', { mask: 'conf', thresholds: [0.5] }] });
    expect(one.computed).toEqual(['conf@0.5 shard 0', 'conf@0.5 shard 1']);
    const two = await run(rankings, { variants: ['none', 'loir', { mask: 'conf', thresholds: [0.5, 0.9] }] });
    expect(two.computed).toEqual(['conf@0.9 shard 0', 'conf@0.9 shard 1']);
  });

  test('are gone on from where a suite has grown: the new attack sees the survivors, and all is as from nothing', async () => {
    const grown = await run(rankings, { suite: [CE, SQUARE] });
    const anew = await run(new MemoryStore(), { suite: [CE, SQUARE] }, false);
    expect([grown.computed.length, anew.computed.length]).toEqual([4, 4]);
    expect(await resultsOf(grown)).toEqual(await resultsOf(anew));
    expect(grown.evaluations).toBeLessThan(anew.evaluations);
    expect(await grown.runs.list('state/')).toEqual([]);
    // One by one each attack sees all images: the same holds.
    const each = { protocol: 'individual', suite: [CE, SQUARE] };
    await run(rankings, { ...each, suite: [CE] });
    expect(await resultsOf(await run(rankings, each))).toEqual(
      await resultsOf(await run(new MemoryStore(), each, false)),
    );
  });

  test('are of no use to another seed, radius or cut', async () => {
    for (const changes of [
      { seed: 1 },
      { threat: { norm: 'Linf', epsilon: '4/255' } },
      { compute: { imagesPerShard: 6 } },
    ]) {
      const { computed, reused } = await run(rankings, { ...changes, variants: ['none'] });
      expect([computed.length > 0, reused]).toEqual([true, 0]);
    }
  });

  test('are computed anew where the store is damaged, and nothing damaged is taken', async () => {
    const store = new MemoryStore();
    const whole = await run(store, { variants: ['none'] });
    const [examples = ''] = (await store.list('evaluation-files/')).filter((key) => key.endsWith('.examples'));
    const bytes = (await store.get(examples))!.slice();
    bytes[bytes.length - 1]! ^= 1;
    await store.put(examples, bytes);
    const [gone = ''] = (await store.list('evaluation-files/')).filter(
      (key) => key.endsWith('.record') && !key.startsWith(examples.slice(0, 40)),
    );
    await store.remove(gone);
    // Who submits on AWS, and who goes on with a run there, reads the store and may remove nothing.
    store.remove = () => Promise.reject(new RunError('access denied'));
    const again = await run(store, { variants: ['none'] });
    expect(again.computed).toEqual(['none shard 0', 'none shard 1']);
    expect(await resultsOf(again)).toEqual(await resultsOf(whole));
    expect((await run(store, { variants: ['none'] })).computed).toEqual([]);
  });

  test('are neither taken nor kept without leave', async () => {
    const store = new MemoryStore();
    await run(store, { variants: ['none'] }, false);
    expect(await store.list('evaluations/')).toEqual([]);
  });
});
