import { randomScores } from '../src/ranking/methods.ts';
import { encodeRanking } from '../src/ranking/ranking.ts';
import type { RunInputs } from '../src/runs/inputs/inspect-inputs.ts';
import { encodePlan, type Plan, planRun, recipeOf, stageJobs } from '../src/runs/planning/plan.ts';
import { resultKey } from '../src/runs/results.ts';
import { parseConfig } from '../src/schemas/parse-config.ts';
import { remoteKeys, serviceKeys } from '../src/schemas/service.ts';
import type { JobQueue, JobRequest } from '../src/service/batch/job-queue.ts';
import type { ServiceContext } from '../src/service/context.ts';
import { reconcileRun } from '../src/service/reconcile.ts';
import { claimAttempt } from '../src/service/run-index.ts';
import { MemoryStore } from '../src/stores/memory-store.ts';
import type { Store } from '../src/stores/store.ts';

/**
 * A run of 10,000 shards without AWS: what it asks of the planner and the finalizer. Everything is the service's own code;
 * only the bucket, the queue and the jobs are stand-ins, so transfer times of S3 come on top (see docs/aws.md).
 *
 *   node --expose-gc --import tsx bench/simulate.ts [shards] [variants]
 */

const IMAGES_PER_SHARD = 32;
const UNITS = 512;
const CLASSES = 10;
const RUN = 'simulation';
const ALL_VARIANTS = ['none', 'random', 'two-pass', 'conf'];

/** Counts requests as S3 would bill them. */
class CountingStore extends MemoryStore {
  reads = 0;
  writes = 0;
  lists = 0;

  override async get(key: string): Promise<Uint8Array | undefined> {
    this.reads += 1;
    return super.get(key);
  }

  override async put(key: string, bytes: Uint8Array | string): Promise<void> {
    this.writes += 1;
    return super.put(key, bytes);
  }

  override async list(prefix: string): Promise<string[]> {
    const keys = await super.list(prefix);
    this.lists += Math.max(1, Math.ceil(keys.length / 1000));
    return keys;
  }
}

/** Jobs end the moment they are submitted. */
class InstantQueue implements JobQueue {
  readonly requests: JobRequest[] = [];

  async submit(request: JobRequest): Promise<string> {
    this.requests.push(request);
    return String(this.requests.length - 1);
  }

  async describe(ids: readonly string[]): ReturnType<JobQueue['describe']> {
    return ids.map((id) => ({ id, name: this.requests[Number(id)]?.name ?? '', status: 'SUCCEEDED' }));
  }

  async pendingReasons(): Promise<string[]> {
    return [];
  }

  async find(): Promise<undefined> {
    return undefined;
  }

  async newestRevision(jobDefinition: string): Promise<string> {
    return `${jobDefinition}:1`;
  }

  async terminate(): Promise<void> {
    return undefined;
  }
}

function planOf(shards: number, variants: readonly string[]): Plan {
  const images = Math.ceil(shards / variants.length) * IMAGES_PER_SHARD;
  const source = {
    name: RUN,
    checkpoint: { uri: 's3://bucket/checkpoint.pt' },
    dataset: { format: 'cifar10', test: 's3://bucket/test.bin', probe: 's3://bucket/train.bin' },
    layer: 'layer4',
    importantUnits: 50,
    variants: variants.map((variant) => (variant === 'conf' ? 'conf@0.8' : variant)),
    threat: { norm: 'Linf', epsilon: '8/255' },
    suite: 'apgd',
    compute: { device: 'cuda', imagesPerShard: IMAGES_PER_SHARD },
  };
  const digest = '0'.repeat(64);
  const inputs: RunInputs = {
    checkpoint: {
      sha256: digest,
      architecture: 'resnet18',
      classes: CLASSES,
      layer: { name: 'layer4', units: UNITS },
      notes: [],
    },
    imageShape: [3, 32, 32],
    test: { sha256: digest, images },
    probe: { sha256: digest, images: 50_000 },
    classNames: Array.from({ length: CLASSES }, (_, c) => `class ${c}`),
  };
  return planRun(parseConfig(JSON.stringify(source), RUN), source, inputs);
}

async function putRankings(plan: Plan, rankings: Store): Promise<void> {
  for (const { method } of plan.rankings) {
    const ranking = {
      recipe: recipeOf(method, plan.config, plan.inputs),
      scores: randomScores(UNITS, CLASSES, 'layer4', 0),
    };
    await rankings.put(resultKey(plan, { kind: 'rank', method }), encodeRanking(ranking));
  }
}

/** Results as large as real ones: a third of the images wrong, a third broken, a third robust. */
async function putEvaluations(plan: Plan, runs: Store): Promise<number> {
  const attacks = ['apgd-ce', 'apgd-t'];
  let bytes = 0;
  for (const job of stageJobs(plan, 'evaluate')) {
    if (job.kind !== 'evaluate') continue;
    const { first, count } = plan.shards[job.shard] ?? { first: 0, count: 0 };
    const images = Array.from({ length: count }, (_, i) => {
      const image = first + i;
      const label = image % CLASSES;
      const other = (label + 1) % CLASSES;
      if (image % 3 === 0) return { image, label, cleanPrediction: other, brokenBy: null, adversarialPrediction: null };
      const brokenBy = image % 3 === 1 ? (attacks[image % attacks.length] ?? 'apgd-ce') : null;
      return {
        image,
        label,
        cleanPrediction: label,
        brokenBy,
        adversarialPrediction: brokenBy === null ? null : other,
      };
    });
    const usage = attacks.map((attack) => ({
      attack,
      seconds: 40.123,
      forwards: 160_000,
      gradients: 32_000,
      runtimeSeconds: 38.456,
    }));
    const checks = { randomised: false, probabilities: false, zeroGradientImages: 0 };
    const result = { schema: 'igd.shard/2', variant: job.variant, images, attacks: usage, checks };
    const text = `${JSON.stringify(result, null, 1)}\n`;
    bytes += text.length;
    await runs.put(`${serviceKeys.run(RUN)}${resultKey(plan, job)}`, text);
  }
  return bytes;
}

async function putTransfers(plan: Plan, runs: Store): Promise<void> {
  for (const job of stageJobs(plan, 'transfer')) {
    if (job.kind !== 'transfer') continue;
    const { first, count } = plan.shards[job.shard] ?? { first: 0, count: 0 };
    const broken = Array.from({ length: count }, (_, i) => first + i).filter((image) => image % 3 === 1);
    const predictions = broken.map((image) => ({ image, prediction: image % CLASSES }));
    const sources = plan.config.variants.map(({ id }) => ({ variant: id, predictions }));
    const result = { schema: 'igd.transfer/1', variant: job.variant, sources };
    await runs.put(`${serviceKeys.run(RUN)}${resultKey(plan, job)}`, `${JSON.stringify(result)}\n`);
  }
}

/** Seconds something takes, and the most memory the process held meanwhile beyond what it held before, in MB. */
async function measured(act: () => Promise<unknown>): Promise<{ seconds: number; megabytes: number }> {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const started = performance.now();
  await act();
  const seconds = (performance.now() - started) / 1000;
  peak = Math.max(peak, process.memoryUsage().rss);
  clearInterval(watch);
  return { seconds, megabytes: (peak - before) / 2 ** 20 };
}

async function simulate(shards: number, variants: readonly string[]): Promise<[string, string][]> {
  const runs = new CountingStore();
  const rankings = new MemoryStore();
  const queue = new InstantQueue();
  const ctx: ServiceContext = {
    service: {
      stack: 'simulation',
      region: 'nowhere',
      buckets: { inputs: 'inputs', rankings: 'rankings', runs: 'runs' },
      queues: { gpu: 'gpu', cpu: 'cpu' },
      jobDefinitions: { gpu: 'gpu', cpu: 'cpu' },
      gpuDevice: 'cuda',
      retentionDays: 0,
      hourDollars: { gpu: 1.01, cpu: 0.2 },
      maxDollars: null,
      fairShare: false,
      onDemand: null,
      topicArn: 'topic',
    },
    runs,
    rankings,
    queue,
    notify: async () => undefined,
    publish: async () => undefined,
    uploaded: async () => undefined,
    localise: async (config) => ({ config, versions: {} }),
    now: () => new Date(),
  };
  const plan = planOf(shards, variants);
  const encoded = encodePlan(plan);
  await putRankings(plan, rankings);
  const planning = await measured(async () => {
    await runs.putNew(`${serviceKeys.run(RUN)}plan.json`, encodePlan(plan));
    await claimAttempt(ctx, RUN, 1, { schema: 'igd.claim/1', config: RUN, at: new Date().toISOString() });
    await reconcileRun(ctx, RUN);
  });
  const evaluation = await putEvaluations(plan, runs);
  const handover = await measured(() => reconcileRun(ctx, RUN));
  await putTransfers(plan, runs);
  Object.assign(runs, { reads: 0, writes: 0, lists: 0 });
  const finalizing = await measured(() => reconcileRun(ctx, RUN));
  const work = (await runs.get(`${serviceKeys.run(RUN)}${remoteKeys.stage(1, 'evaluate')}`))?.length ?? 0;
  const report = (await runs.get(`${serviceKeys.run(RUN)}report.html`))?.length;
  const overrides = Math.max(...queue.requests.map(({ environment }) => JSON.stringify(environment).length));
  const rows = (await runs.get(`${serviceKeys.run(RUN)}images.csv`))?.length ?? 0;
  if (report === undefined) throw new Error('the run was not reported');
  return [
    [
      'evaluation jobs',
      `${stageJobs(plan, 'evaluate').length} (${variants.length} variants, ${plan.inputs.test.images} images)`,
    ],
    ['plan.json', kilobytes(encoded.length)],
    ['list of jobs', kilobytes(work)],
    [
      'SubmitJob calls',
      `${queue.requests.length} (${queue.requests.map(({ arraySize }) => `array of ${arraySize}`).join(', ')})`,
    ],
    ['container overrides', `${overrides} bytes of 30,720`],
    ['planning', took(planning)],
    ['from evaluation to transfer', took(handover)],
    ['evaluation results', kilobytes(evaluation)],
    ['finalizing', took(finalizing)],
    ['finalizer requests', `${runs.reads} GET, ${runs.writes} PUT, ${runs.lists} LIST`],
    ['images.csv, report.html', `${kilobytes(rows)}, ${kilobytes(report)}`],
  ];
}

function took({ seconds, megabytes }: { seconds: number; megabytes: number }): string {
  return `${seconds.toFixed(2)} s, ${megabytes.toFixed(0)} MB at peak`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

const [shards = '10000', variants = '4'] = process.argv.slice(2);
const rows = await simulate(Number(shards), ALL_VARIANTS.slice(0, Number(variants)));
for (const [what, value] of rows) process.stdout.write(`${what.padEnd(30)}${value}\n`);
