import { availableParallelism } from 'node:os';
import { InputError, messageOf, RunError, TransientError } from '../errors.ts';
import { decodePlan, encodePlan } from '../runs/planning/plan.ts';
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
import { folderOf, jobsOf, type Part, type PartJob, partJobLabel, readParts } from './parts.ts';
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
  readonly jobs: readonly PartJob[];
  readonly buckets: Service['buckets'];
  /** The run's. */
  readonly files: Store;
  readonly rankings: Store;
  /** The first, or one that may pass, for the record. */
  failure: { readonly job: PartJob; readonly error: unknown } | undefined;
}

/** Throws InputError where the environment says no task. */
async function openTask(env: RunnerOptions['env']): Promise<OpenTask> {
  const service = parseService(env.IGD_SERVICE);
  const task = parseTask(env);
  const index = Number(env.AWS_BATCH_JOB_ARRAY_INDEX ?? 0);
  const { buckets } = service;
  const files = await openStore({ kind: 's3', bucket: buckets.runs, prefix: serviceKeys.run(task.run) });
  const rankings = await openStore(rankingsIn(buckets));
  const planned = await readParts(files, decodePlan);
  if (planned === undefined) throw gone(runKeys.plan);
  const key = remoteKeys.stage(task.attempt, task.stage);
  const work = stageSchema.parse(JSON.parse(new TextDecoder().decode(await required(files, key))));
  const first = task.offset + index * task.jobsPerTask;
  const all = jobsOf(planned.parts, task.stage);
  const jobs = work.jobs.slice(first, first + task.jobsPerTask).flatMap((position) => all[position] ?? []);
  if (jobs.length === 0) throw new InputError(`${key} has no job ${first}: this task is none of the run's`);
  return { task, number: first / task.jobsPerTask, jobs, buckets, files, rankings, failure: undefined };
}

function rankingsIn({ rankings }: Service['buckets']): StoreSpec {
  return { kind: 's3', bucket: rankings, prefix: '' };
}

async function required(files: Store, key: string): Promise<Uint8Array> {
  const bytes = await files.get(key);
  if (bytes === undefined) throw gone(key);
  return bytes;
}

function gone(key: string): InputError {
  return new InputError(`the run has no ${key}: it was deleted`);
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

/** One part of the run after the other: a worker opens the models of one. Throws the failure that counts, once all else is done. */
async function doJobs(open: OpenTask, signal: AbortSignal, log: (line: string) => void): Promise<void> {
  const reporter = taskReporter(open, log);
  await reporter.start();
  for (const part of new Set(open.jobs.map((job) => job.part))) {
    await doPart(open, part, { reporter, signal, log });
    signal.throwIfAborted();
    if (open.failure?.error instanceof TransientError) break;
  }
  await reporter.end();
  if (open.failure !== undefined) throw open.failure.error;
}

interface Watch {
  readonly reporter: TaskReporter;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/**
 * As many jobs at once as keep the device busy, each in a worker thread of its own. A job that fails for good does not take the others
 * with it; after a fault that may pass none is begun, for Batch tries the task again.
 */
async function doPart(open: OpenTask, part: Part, watch: Watch): Promise<void> {
  const { task, jobs, buckets } = open;
  const { signal } = watch;
  const queue = jobs.filter((job) => job.part === part);
  const cores = availableParallelism();
  const { workers } = workerCount(part.plan, cores, undefined);
  const lanes = Math.min(queue.length, workers);
  // Once, before there are workers that would each download the same.
  if (lanes > 1) await Promise.race([localise(part.plan), aborted(signal)]);
  const prefix = `${serviceKeys.run(task.run)}${folderOf(part.label)}`;
  const pool = {
    plan: encodePlan(part.plan),
    runs: { kind: 's3', bucket: buckets.runs, prefix },
    rankings: rankingsIn(buckets),
    keep: true,
    workers: 1,
    cores: Math.max(1, Math.floor(cores / lanes)),
  } as const;
  const engines = new Set<WorkerPool>();
  const close = () => Promise.all([...engines].map((engine) => engine.close()));
  const stop = () => void close();
  signal.addEventListener('abort', stop);
  const work = async () => {
    let engine: WorkerPool | undefined;
    for (let job = queue.shift(); job !== undefined; job = queue.shift())
      try {
        engine ??= new WorkerPool(pool);
        engines.add(engine);
        await doJob(open, job, { ...watch, engine });
      } catch (error) {
        const isPassing = signal.aborted || error instanceof TransientError;
        if (isPassing) queue.length = 0;
        if (isPassing || open.failure === undefined) open.failure = { job, error };
        // Its thread may have gone with the job.
        await engine?.close();
        engine = undefined;
      }
  };
  try {
    await Promise.all(Array.from({ length: lanes }, work));
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

interface Lane extends Watch {
  readonly engine: WorkerPool;
}

async function doJob(
  { rankings }: OpenTask,
  { part, job }: PartJob,
  { engine, reporter, signal, log }: Lane,
): Promise<void> {
  const { plan, files } = part;
  const label = partJobLabel({ part, job });
  signal.throwIfAborted();
  const isThere = await isDone({ plan, runs: files, rankings }, job);
  signal.throwIfAborted();
  if (isThere) log(`${label} is there already`);
  else await engine.run([job], { progress: (_, state) => reporter.progress(label, state), done: () => undefined });
  if (job.kind === 'rank') await loadRanking({ plan, rankings }, job.method);
  reporter.done(label);
}

async function recordFailure(
  { task, number, files, failure: first }: OpenTask,
  error: unknown,
  exitCode: number,
): Promise<void> {
  const failure: TaskFailure = {
    schema: 'igd.failure/1',
    task: number,
    job: first === undefined ? null : partJobLabel(first.job),
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
