import { readFile } from 'node:fs/promises';
import { type Job, type RunJob, stageJobs } from '../../src/runs/planning/plan.ts';
import type { ComparedEvent } from '../../src/schemas/history.ts';
import { runKeys } from '../../src/schemas/keys.ts';
import { remoteKeys, serviceKeys, stageSchema, taskSchema, taskVariables } from '../../src/schemas/service.ts';
import { openServiceContext, type ServiceContext } from '../../src/service/context.ts';
import { loadRun } from '../../src/service/load-run.ts';
import { S3Store } from '../../src/stores/s3/store.ts';
import type { Store } from '../../src/stores/store.ts';
import { smallConfig } from '../support/cli.ts';
import { Cluster, type Container } from './cluster.ts';
import { type Moto, ownService } from './moto.ts';

const FILES = ['shapes10-rn18-w8.pt', 'test.bin', 'train.bin'];

/** Puts the demo's checkpoint and data into the inputs bucket. */
export async function uploadInputs({ service }: Moto): Promise<void> {
  const inputs = new S3Store({ bucket: service.buckets.inputs, prefix: 'demo/' });
  await Promise.all(FILES.map(async (file) => inputs.put(file, await readFile(`examples/demo/${file}`))));
}

/** The small config on those inputs: two shards of three variants. */
export function remoteConfig(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return smallConfig({
    checkpoint: { uri: 's3://igd-inputs/demo/shapes10-rn18-w8.pt' },
    dataset: {
      format: 'cifar10',
      test: 's3://igd-inputs/demo/test.bin',
      probe: 's3://igd-inputs/demo/train.bin',
      testImages: 8,
      probeImages: 200,
    },
    variants: ['none', 'loir', 'conf@0.8'],
    suite: [
      { attack: 'apgd-ce', iterations: 3 },
      { attack: 'apgd-t', iterations: 3, targets: 3 },
    ],
    ...changes,
  });
}

/** Scenes share rankings, and each is to see its own evaluations computed. */
async function forgetEvaluations(rankings: Store): Promise<void> {
  await Promise.all((await rankings.list('evaluations/')).map((key) => rankings.remove(key)));
}

export interface Scene {
  readonly ctx: ServiceContext;
  readonly cluster: Cluster;
  /** Notices of this scene alone. */
  readonly notices: { subject: string; text: string }[];
  /** Events of this scene, as EventBridge would get them. */
  readonly events: ComparedEvent[];
}

/** The service on moto, with a runs bucket and queues of its own, and jobs that wait until they are run. */
export async function scene(moto: Moto, changes: Partial<ServiceContext> = {}): Promise<Scene> {
  const service = await ownService(moto);
  await forgetEvaluations(new S3Store({ bucket: service.buckets.rankings, prefix: '' }));
  const cluster = new Cluster(service);
  const notices: Scene['notices'] = [];
  const notify = async (notice: { subject: string; text: string }) => void notices.push(notice);
  const events: ComparedEvent[] = [];
  const publish = async (event: ComparedEvent) => void events.push(event);
  const ctx = { ...openServiceContext(service), queue: cluster, notify, publish, ...changes };
  return { ctx, cluster, notices, events };
}

/**
 * A container that takes each result from a finished run of the same work instead of computing it; where `fails` says so,
 * it fails as the runner does.
 */
export function replay(
  ctx: ServiceContext,
  source: { readonly run: string; readonly runs: Store },
  fails: (job: Job) => boolean = () => false,
): Container {
  return async (env) => {
    const entries = Object.entries(taskVariables).map(([key, variable]) => [key, env[variable]]);
    const { run, stage, attempt, offset, jobsPerTask } = taskSchema.parse(Object.fromEntries(entries));
    const { parts, files } = await loadRun(ctx, run);
    const [{ plan }] = parts;
    const key = remoteKeys.stage(attempt, stage);
    const work = stageSchema.parse(JSON.parse(new TextDecoder().decode(await files.get(key))));
    const first = offset + Number(env.AWS_BATCH_JOB_ARRAY_INDEX ?? 0) * jobsPerTask;
    for (const position of work.jobs.slice(first, first + jobsPerTask)) {
      const job = stageJobs(plan, stage)[position];
      if (job === undefined || job.kind === 'rank') continue;
      if (fails(job)) {
        const failure = {
          schema: 'igd.failure/1',
          task: first / jobsPerTask,
          job: `${job.variant} shard ${job.shard}`,
        };
        const record = { ...failure, message: 'out of memory', exitCode: 1, at: new Date().toISOString() };
        await files.put(remoteKeys.failure(attempt, stage, first / jobsPerTask), JSON.stringify(record));
        return 1;
      }
      for (const result of resultKeys(job))
        await files.put(result, (await source.runs.get(`${serviceKeys.run(source.run)}${result}`)) ?? '');
      // What the first job of a run or a variant leaves for the report.
      for (const record of [runKeys.testimony, runKeys.proof(job.variant)]) {
        const bytes = await source.runs.get(`${serviceKeys.run(source.run)}${record}`);
        if (bytes !== undefined) await files.putNew(record, bytes);
      }
    }
    return 0;
  };
}

function resultKeys(job: Exclude<RunJob, { kind: 'rank' }>): string[] {
  if (job.kind === 'craft')
    return [runKeys.craftedExamples(job.variant, job.shard), runKeys.crafted(job.variant, job.shard)];
  if (job.kind === 'transfer') return [runKeys.transfer(job.variant, job.shard)];
  if (job.kind === 'audit')
    return [runKeys.auditExamples(job.variant, job.shard), runKeys.audit(job.variant, job.shard)];
  return [runKeys.examples(job.variant, job.shard), runKeys.evaluation(job.variant, job.shard)];
}

/** What a run's file says; undefined where there is none. */
export async function textOf({ runs }: ServiceContext, run: string, file: string): Promise<string | undefined> {
  const bytes = await runs.get(`${serviceKeys.run(run)}${file}`);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** A report without what no two runs share: how long it took. */
export function timeless(report: string | undefined): unknown {
  return JSON.parse(report ?? 'null', (key, value: unknown) => (key === 'seconds' ? 0 : value));
}
