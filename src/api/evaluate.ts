import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError, messageOf } from '../errors.ts';
import { encodePlan, type Plan } from '../runs/planning/plan.ts';
import { executeRun, type RunListener } from '../runs/run.ts';
import { requireProvider } from '../runtime/provider.ts';
import type { RunConfigInput } from '../schemas/config.ts';
import { parseConfig } from '../schemas/parse-config.ts';
import type { Report } from '../schemas/report.ts';
import { FileStore } from '../stores/folder-store.ts';
import { localPath } from '../stores/open.ts';
import { WorkerPool } from '../workers/worker-pool.ts';
import { describe, knownOptions, wholeNumber } from './arguments.ts';
import { following, type StopSignal } from './stop-signal.ts';

/** Where a run goes and how it is done. */
export interface EvaluateOptions {
  /**
   * Folder of the run: plan, results, adversarial examples, report. A run that was stopped goes on from there. Without one
   * the run is done in a temporary folder, which is removed.
   */
  readonly out?: string;
  /** Folder where rankings are kept for other runs; that of the run by default. */
  readonly rankings?: string;
  /** Worker threads, each doing one shard at a time; one a core by default. */
  readonly workers?: number;
  /** Called as the run goes on. */
  readonly onProgress?: (progress: RunProgress) => void;
  /** Stops the run at its next step. What is done stays in `out`. */
  readonly signal?: StopSignal;
}

/** How far a run is. */
export interface RunProgress {
  /** What is being done: units are ranked, shards evaluated, examples of every variant judged by every other. */
  readonly stage: 'rank' | 'evaluate' | 'transfer';
  /** Jobs of the stage that are done. */
  readonly done: number;
  /** Jobs of the stage. */
  readonly total: number;
  /** The job that has something to tell, where it is one; 1 is done. */
  readonly job: { readonly fraction: number; readonly attack: string | null } | null;
}

const OPTIONS = ['out', 'rankings', 'workers', 'onProgress', 'signal'];

/**
 * Does a whole run, as `igd run` does: ranks, attacks every variant in worker threads, judges transferred examples, and
 * reports. The same config and inputs give the same numbers, however it is cut up or interrupted.
 *
 * Rejects with ConfigError where the config does not fit its schema or stands for several runs, with InputError where its
 * inputs cannot be used, with RunError where the work failed, and with the signal's reason where it is stopped.
 *
 * @param config a run config as an object, or the path of one; paths in it are relative to the working directory
 */
export async function evaluate(config: RunConfigInput | string, options: EvaluateOptions = {}): Promise<Report> {
  knownOptions(options, OPTIONS, 'evaluate');
  const text = typeof config === 'string' ? await readConfig(config) : JSON.stringify(config);
  if (text === undefined) throw new InputError(`the config is ${describe(config)}: give an object, or the path of one`);
  const where = typeof config === 'string' ? config : 'the config';
  const written = { config: parseConfig(text, where), source: JSON.parse(text) };
  const workers = wholeNumber(options.workers ?? availableParallelism(), 'workers', 1);
  await requireProvider(written.config.compute.device);
  if (options.out !== undefined) return runIn(options.out, written, workers, options);
  const folder = await mkdtemp(join(tmpdir(), 'igd-run-'));
  try {
    return await runIn(folder, written, workers, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Written = Pick<Parameters<typeof executeRun>[0], 'config' | 'source'>;

async function runIn(out: string, written: Written, workers: number, options: EvaluateOptions): Promise<Report> {
  const [runs, rankings] = [folderOf(out, 'out'), folderOf(options.rankings ?? join(out, 'rankings'), 'rankings')];
  const executor = (plan: Plan) =>
    new WorkerPool({
      plan: encodePlan(plan),
      runs: { kind: 'folder', root: runs.root },
      rankings: { kind: 'folder', root: rankings.root },
      workers,
      cores: availableParallelism(),
    });
  const listener = listenerOf(options.onProgress);
  const { report } = await following(options.signal, (signal) =>
    executeRun({ ...written, runs, rankings, executor, listener, signal }),
  );
  return report;
}

function folderOf(path: string, option: string): FileStore {
  if (typeof path !== 'string') throw new InputError(`${option} is ${describe(path)}: give the path of a folder`);
  if (path.startsWith('s3://')) throw new InputError(`${option} is ${path}: give a folder on this machine`);
  return new FileStore(resolve(path));
}

function listenerOf(onProgress: EvaluateOptions['onProgress']): RunListener {
  let at: Omit<RunProgress, 'job'> = { stage: 'rank', done: 0, total: 0 };
  const tell = (job: RunProgress['job']) => onProgress?.({ ...at, job });
  return {
    stage(stage, { done, total }) {
      // Analyses have a stage of their own, and are none of a run's.
      if (stage !== 'rank' && stage !== 'evaluate' && stage !== 'transfer') return;
      at = { stage, done, total };
      tell(null);
    },
    progress: (_, { fraction, attack = null }) => tell({ fraction, attack }),
    done() {
      at = { ...at, done: at.done + 1 };
      tell(null);
    },
  };
}

async function readConfig(path: string): Promise<string> {
  return readFile(await localPath(path), 'utf8').catch((cause: unknown) => {
    throw new InputError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
}
