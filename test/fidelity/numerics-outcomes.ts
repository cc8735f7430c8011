import type { JobExecutor } from '../../src/runs/jobs/executor.ts';
import { JobContext } from '../../src/runs/jobs/job-context.ts';
import { runJob } from '../../src/runs/jobs/run-job.ts';
import { loadRanking } from '../../src/runs/planning/rankings.ts';
import { shardResult } from '../../src/runs/results.ts';
import { executeRun } from '../../src/runs/run.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { ATTACK_NAMES, type AttackName } from '../../src/schemas/attacks.ts';
import { parseConfig } from '../../src/schemas/parse-config.ts';
import { MemoryStore } from '../../src/stores/memory-store.ts';
import { smallConfig } from '../support/cli.ts';

/** What a small run finds, coarse enough that no last digit is in it: of each variant the end of every image, of each ranking its top units. */
export interface NumericsOutcomes {
  readonly images: Readonly<Record<string, readonly ImageEnds[]>>;
  /** Of each class the units that a mask keeps, rising. */
  readonly units: Readonly<Record<string, readonly (readonly number[])[]>>;
}

export interface ImageEnds {
  readonly prediction: number | null;
  readonly broken: readonly string[];
  readonly robust: readonly string[];
}

/** Short of each: enough to break some images and not all. */
const OPTIONS: Readonly<Partial<Record<AttackName, object>>> = {
  square: { queries: 40 },
  rays: { queries: 40 },
  malt: { targets: 2, iterations: 4 },
  'apgd-t': { targets: 2, iterations: 4 },
  'fab-t': { targets: 2, iterations: 4 },
};

const DATA = { format: 'cifar10', test: 'examples/demo/test.bin', probe: 'examples/demo/train.bin' };

/** Every kind of attack on every kind of defence, and the rankings behind them, at a radius. */
export async function numericsOutcomes(epsilon: number): Promise<NumericsOutcomes> {
  const { compute: _, ...common } = smallConfig({
    variants: ['none', 'loir', { mask: 'conf', thresholds: [0.8] }],
    smoothing: { sigma: '2/255', samples: 2 },
    temperature: 1,
    threat: { norm: 'Linf', epsilon },
    protocol: 'individual',
    suite: ATTACK_NAMES.map((attack) => ({ attack, ...(OPTIONS[attack] ?? { iterations: 4 }) })),
    ranking: { allowDegenerate: true },
    dataset: { ...DATA, testImages: 8, probeImages: 100 },
  });
  const source = { ...common, compute: { batchSize: 16, imagesPerShard: 12 } };
  const stores = { runs: new MemoryStore(), rankings: new MemoryStore() };
  const config = parseConfig(JSON.stringify(source), 'numerics');
  const listener = { stage: ignore, progress: ignore, done: ignore, elsewhere: ignore, processes: ignore };
  const { plan } = await executeRun({
    ...{ ...stores, config, source: JSON.parse(JSON.stringify(source)), listener },
    executor: (planned): JobExecutor => {
      const context = new JobContext({ plan: planned, ...stores, runtime: onnxRuntime({ threads: 1 }) });
      return {
        run: async (jobs, { done }) => {
          for (const job of jobs) {
            await runJob(context, job, ignore);
            done(job);
          }
        },
        close: () => context.release(),
      };
    },
  });
  const images: Record<string, ImageEnds[]> = {};
  for (const { id } of config.variants) {
    const result = await shardResult(stores.runs, id, 0);
    images[id] = result.images.map(({ cleanPrediction, brokenByEach = [] }) => ({
      prediction: cleanPrediction,
      broken: brokenByEach,
      robust: ATTACK_NAMES.filter((attack) => !brokenByEach.includes(attack)),
    }));
  }
  const units: Record<string, number[][]> = {};
  for (const { method } of plan.rankings) {
    const { scores } = await loadRanking({ plan, rankings: stores.rankings }, method);
    units[method] = Array.from({ length: scores.classes }, (_, c) => topUnits(scores, c, 12));
  }
  return { images, units };
}

/** What is the same in all of them: an image at the very edge of a radius may fall to either side on another processor. */
export function common(all: readonly NumericsOutcomes[]): NumericsOutcomes {
  const [first] = all;
  const images = Object.entries(first?.images ?? {}).map(([variant, ends]) => {
    const others = (image: number) => all.map((outcomes) => outcomes.images[variant]![image]!);
    return [
      variant,
      ends.map(({ prediction, broken, robust }, image) => ({
        prediction,
        broken: broken.filter((attack) => others(image).every((other) => other.broken.includes(attack))),
        robust: robust.filter((attack) => others(image).every((other) => other.robust.includes(attack))),
      })),
    ];
  });
  return { images: Object.fromEntries(images), units: first?.units ?? {} };
}

const ignore = () => undefined;

function topUnits(
  { units, classes, data }: { units: number; classes: number; data: Float32Array },
  c: number,
  k: number,
) {
  const order = Array.from({ length: units }, (_, unit) => unit).sort(
    (a, b) => data[b * classes + c]! - data[a * classes + c]! || a - b,
  );
  return order.slice(0, k).sort((a, b) => a - b);
}
