import { availableParallelism } from 'node:os';
import { InputError, messageOf, RunError, TransientError } from '../errors.ts';
import { decodePlan, encodePlan, type Job, jobLabel, type Plan, stageJobs } from '../runs/planning/plan.ts';
import { loadRanking } from '../runs/planning/rankings.ts';
import { isDone } from '../runs/results.ts';
import { runKeys } from '../schemas/keys.ts';
import {
  remoteKeys,
  type Service,
  serviceKeys,
  serviceSchema,
  stageSchema,
  type Task,
  type TaskFailure,
  taskExitCodes,
  taskFailureSchema,
  taskSchema,
  taskVariables,
} from '../schemas/service.ts';
import { localise, openStore, type StoreSpec } from '../stores/open.ts';
import type { Store } from '../stores/store.ts';
import { workerCount } from '../workers/worker-count.ts';
import { WorkerPool } from '../workers/worker-pool.ts';
import { type TaskReporter, taskReporter } from './task-progress.ts';

export interface RunnerOptions {
  /** Environment variables, see `taskVariables`; AWS_BATCH_JOB_ARRAY_INDEX where the job is one of an array. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Stops at the next step. */
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/**
 * Does one task as a Batch container: its jobs of the plan in worker threads, so that progress and uploads never wait for
 * onnxruntime. Jobs whose result is there are left out: after a reclaim, only the one in hand is
 * done again. Gives the exit code, see `taskExitCodes`; why it failed is logged and, where the bucket can be written to,
 * kept as a record.
 */
export async function runTask({ env, signal, log }: RunnerOptions): Promise<number> {
  const opened = await openTask(env).catch((error: unknown) => {
    log(messageOf(error));
    return exitCodeOf(error);
  });
  if (typeof opened === 'number') return opened;
  try {
    await doJobs(opened, signal, log);
    return 0;
  } catch (error) {
    log(
      error instanceof Error && !(error instanceof InputError || error instanceof RunError)
        ? (error.stack ?? error.message)
        : messageOf(error),
    );
    if (signal.aborted) return taskExitCodes.interrupted;
    const exitCode = exitCodeOf(error);
    await recordFailure(opened, error, exitCode).catch((cause: unknown) => log(messageOf(cause)));
    return exitCode;
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof InputError) return taskExitCodes.badInput;
  return error instanceof TransientError ? taskExitCodes.temporary : taskExitCodes.failed;
}

interface OpenTask {
  readonly task: Task;
  /** Number of the task in its stage. */
  readonly number: number;
  readonly plan: Plan;
  readonly jobs: readonly Job[];
  readonly stores: { readonly runs: StoreSpec; readonly rankings: StoreSpec };
  readonly files: Store;
  readonly rankings: Store;
  /** The first, for the record. */
  failure: { readonly job: Job; readonly error: unknown } | undefined;
}

/** Throws InputError where the environment says no task. */
async function openTask(env: RunnerOptions['env']): Promise<OpenTask> {
  const service = parseService(env.IGD_SERVICE);
  const task = parseTask(env);
  const index = Number(env.AWS_BATCH_JOB_ARRAY_INDEX ?? 0);
  const stores = {
    runs: { kind: 's3', bucket: service.buckets.runs, prefix: serviceKeys.run(task.run) },
    rankings: { kind: 's3', bucket: service.buckets.rankings, prefix: '' },
  } as const;
  const [files, rankings] = await Promise.all([openStore(stores.runs), openStore(stores.rankings)]);
  const plan = decodePlan(await required(files, runKeys.plan), runKeys.plan);
  const key = remoteKeys.stage(task.attempt, task.stage);
  const work = stageSchema.parse(JSON.parse(new TextDecoder().decode(await required(files, key))));
  const first = task.offset + index * task.jobsPerTask;
  const all = stageJobs(plan, task.stage);
  const jobs = work.jobs.slice(first, first + task.jobsPerTask).flatMap((position) => all[position] ?? []);
  if (jobs.length === 0) throw new InputError(`${key} has no job ${first}: this task is none of the run's`);
  return { task, number: first / task.jobsPerTask, plan, jobs, stores, files, rankings, failure: undefined };
}

async function required(files: Store, key: string): Promise<Uint8Array> {
  const bytes = await files.get(key);
  if (bytes === undefined) throw new InputError(`the run has no ${key}: it was deleted`);
  return bytes;
}

function parseService(text: string | undefined): Service {
  const parsed = text === undefined ? undefined : serviceSchema.safeParse(JSON.parse(text));
  if (parsed?.success) return parsed.data;
  throw new InputError('the environment variable IGD_SERVICE describes no service of this version of igd');
}

function parseTask(env: RunnerOptions['env']): Task {
  const entries = Object.entries(taskVariables).map(([key, variable]) => [key, env[variable]]);
  const parsed = taskSchema.safeParse(Object.fromEntries(entries));
  if (parsed.success) return parsed.data;
  throw new InputError(`the environment names no task: ${Object.values(taskVariables).join(', ')} say which`);
}

/** As many jobs at once as keep the device busy, each in a worker thread of its own. After a failure none is begun. */
async function doJobs(open: OpenTask, signal: AbortSignal, log: (line: string) => void): Promise<void> {
  const { plan, stores, jobs } = open;
  const cores = availableParallelism();
  const { workers } = workerCount(plan, cores, undefined);
  const lanes = Math.min(jobs.length, workers);
  // Once, before there are workers that would each download the same.
  if (lanes > 1) await Promise.race([localise(plan), aborted(signal)]);
  const pool = {
    plan: encodePlan(plan),
    ...stores,
    keep: true,
    workers: 1,
    cores: Math.max(1, Math.floor(cores / lanes)),
  };
  const engines = Array.from({ length: lanes }, () => new WorkerPool(pool));
  const close = () => Promise.all(engines.map((engine) => engine.close()));
  const stop = () => void close();
  signal.addEventListener('abort', stop);
  const reporter = taskReporter(open, log);
  const queue = [...jobs];
  const work = async (engine: WorkerPool) => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift())
      try {
        await doJob(open, job, { engine, reporter, signal, log });
      } catch (error) {
        queue.length = 0;
        open.failure ??= { job, error };
      }
  };
  try {
    await reporter.start();
    await Promise.all(engines.map(work));
    if (open.failure !== undefined) throw open.failure.error;
    await reporter.end();
  } finally {
    signal.removeEventListener('abort', stop);
    await close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

interface Lane {
  readonly engine: WorkerPool;
  readonly reporter: TaskReporter;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

async function doJob(
  { plan, files, rankings }: OpenTask,
  job: Job,
  { engine, reporter, signal, log }: Lane,
): Promise<void> {
  signal.throwIfAborted();
  const isThere = await isDone({ plan, runs: files, rankings }, job);
  signal.throwIfAborted();
  if (isThere) log(`${jobLabel(job)} is there already`);
  else await engine.run([job], { progress: (_, state) => reporter.progress(job, state), done: () => undefined });
  if (job.kind === 'rank') await loadRanking({ plan, rankings }, job.method);
  reporter.done(job);
}

async function recordFailure(
  { task, number, files, failure: first }: OpenTask,
  error: unknown,
  exitCode: number,
): Promise<void> {
  const failure: TaskFailure = {
    schema: 'igd.failure/1',
    task: number,
    job: first === undefined ? null : jobLabel(first.job),
    message: messageOf(error),
    exitCode,
    at: new Date().toISOString(),
  };
  const record = JSON.stringify(taskFailureSchema.parse(failure));
  await files.put(remoteKeys.failure(task.attempt, task.stage, number), `${record}\n`);
}

/** Entry of the container. SIGTERM comes before a Spot host is reclaimed and when a job is ended; two minutes remain. */
export async function main(): Promise<number> {
  const interrupt = new AbortController();
  process.on('SIGTERM', () => interrupt.abort(new RunError('told to stop (SIGTERM)')));
  return runTask({
    env: process.env,
    signal: interrupt.signal,
    log: (line) => process.stdout.write(`${line}\n`),
  });
}
