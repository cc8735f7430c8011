import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { encodePlan, type Plan } from '../runs/planning/plan.ts';
import { executeRun, type RunListener, type RunOptions, type Stage } from '../runs/run.ts';
import type { Report } from '../schemas/report.ts';
import { STAGE_NAMES, type StageName } from '../schemas/service.ts';
import { FileStore } from '../stores/folder-store.ts';
import { workerCount } from '../workers/worker-count.ts';
import { WorkerPool } from '../workers/worker-pool.ts';
import { describe } from './arguments.ts';
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
  /**
   * What is being done: units are ranked, examples made that are tried on all variants, shards evaluated, every variant
   * evaluated on the examples of the others, a sample audited.
   */
  readonly stage: 'rank' | 'craft' | 'evaluate' | 'transfer' | 'audit';
  /** Jobs of the stage that are done. */
  readonly done: number;
  /** Jobs of the stage. */
  readonly total: number;
  /** The job that has something to tell, where it is one; 1 is done. */
  readonly job: { readonly fraction: number; readonly attack: string | null } | null;
}

/** Does a run in worker threads of this process, its results in a folder. */
export async function runIn(
  out: string,
  written: Pick<RunOptions, 'config' | 'source'>,
  workers: number | undefined,
  options: EvaluateOptions,
): Promise<Report> {
  const runs = folderOf(out, 'out');
  const rankings = folderOf(options.rankings ?? join(out, 'rankings'), 'rankings');
  const executor = (plan: Plan) =>
    new WorkerPool({
      plan: encodePlan(plan),
      runs: { kind: 'folder', root: runs.root },
      rankings: { kind: 'folder', root: rankings.root },
      workers: workerCount(plan, availableParallelism(), workers).workers,
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
  const oneMore = () => {
    at = { ...at, done: at.done + 1 };
    tell(null);
  };
  return {
    stage(stage, { done, total }) {
      // Analyses have a stage of their own, and are none of a run's.
      if (!isRunStage(stage)) return;
      at = { stage, done, total };
      tell(null);
    },
    progress: (_, { fraction, attack = null }) => tell({ fraction, attack }),
    done: oneMore,
    elsewhere: oneMore,
  };
}

function isRunStage(stage: Stage): stage is StageName {
  return STAGE_NAMES.some((name) => name === stage);
}
