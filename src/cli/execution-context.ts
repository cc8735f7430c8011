import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { RunError } from '../errors.ts';
import { encodePlan, type Plan } from '../runs/planning/plan.ts';
import type { RunOptions } from '../runs/run.ts';
import { requireProvider } from '../runtime/provider.ts';
import { DEVICES, type Device, type RunConfig } from '../schemas/config.ts';
import { parseConfig } from '../schemas/parse-config.ts';
import { requireWorkers, workerCount } from '../workers/worker-count.ts';
import { WorkerPool } from '../workers/worker-pool.ts';
import { positiveInteger } from './numbers.ts';
import { cores } from './options.ts';
import { progressOutput } from './output.ts';
import { runProgress } from './progress.ts';
import { print, type StorageLocation, storageLocation } from './storage-location.ts';

// What commands share that compute in worker threads on this machine and can be stopped and gone on with.

export interface ExecutionFlags {
  readonly out: string;
  readonly workers?: number;
  readonly rankings: string;
  readonly device?: Device;
  /** False for --no-cache; left out where a command has nothing to keep. */
  readonly cache?: boolean;
}

export function addExecutionOptions(command: Command): Command {
  return command
    .option(
      '--workers <n>',
      'worker threads, each doing one shard at a time (default: one a core, or as many as the device and memory take)',
      positiveInteger,
    )
    .addOption(new Option('--device <device>', "what computes, instead of the config's").choices(DEVICES))
    .option('--rankings <dir>', 'folder where rankings and evaluations are kept for every run', rankingsFolder());
}

/** Of commands whose evaluations serve other runs. */
export function addCacheOption(command: Command): Command {
  return command.option(
    '--no-cache',
    'neither take evaluations that other runs have kept beside the rankings, nor keep those of this one',
  );
}

/** Where and how jobs are done. */
export interface ExecutionContext {
  /** A line for the reader, on a line of its own. */
  print(line: string): void;
  /** The options of a run whose results go to a place. */
  optionsFor(
    runs: StorageLocation,
  ): Pick<RunOptions, 'runs' | 'rankings' | 'executor' | 'listener' | 'signal' | 'reuse'>;
}

/** Gives `work` workers and stores, shows how it goes, and stops it on Ctrl-C. */
export async function execute<T>(
  { workers, rankings, cache = false }: ExecutionFlags,
  work: (execution: ExecutionContext) => Promise<T>,
): Promise<T> {
  const ranked = await storageLocation(rankings);
  const progress = runProgress(progressOutput());
  const interrupt = onInterrupt();
  const optionsFor = (runs: StorageLocation) => ({
    runs: runs.store,
    rankings: ranked.store,
    executor: (plan: Plan) =>
      new WorkerPool({
        plan: encodePlan(plan),
        runs: runs.spec,
        rankings: ranked.spec,
        workers: workersFor(plan, workers),
        cores: cores(),
        keep: cache,
      }),
    listener: progress,
    signal: interrupt.signal,
    reuse: cache,
  });
  const printLine = (line: string) => {
    progress.end();
    print(line);
  };
  return work({ optionsFor, print: printLine }).finally(() => {
    interrupt.ignore();
    // What a bucket has not answered yet would keep the process for as long as it is tried.
    if (interrupt.signal.aborted) setTimeout(() => process.exit(), 500).unref();
    progress.end();
  });
}

/** Throws RunError where the device is not the one that computes, InputError where it does not with so many workers. */
export async function requireDevice(device: Device, workers: number | undefined): Promise<void> {
  requireWorkers(device, workers);
  await requireProvider(device);
}

/** Why there are no more than that is said. */
function workersFor(plan: Plan, wanted: number | undefined): number {
  const { workers, limit } = workerCount(plan, cores(), wanted);
  if (limit !== undefined) console.error(limit);
  return workers;
}

/** A config, and as its user wrote it. */
export interface WrittenConfig {
  readonly config: RunConfig;
  readonly source: Record<string, Plan['source']>;
}

/** Reads a config; where another device is asked for than it names, as if it named that one. Throws ConfigError. */
export function configOf(text: string, where: string, device: Device | undefined): WrittenConfig {
  const config = parseConfig(text, where);
  const written: WrittenConfig['source'] = JSON.parse(text);
  if (device === undefined) return { config, source: written };
  // As it is written, so that batches that it leaves open are those of the device asked for.
  const compute = typeof written.compute === 'object' ? written.compute : {};
  const source = { ...written, compute: { ...compute, device } };
  return { config: parseConfig(JSON.stringify(source), where), source };
}

/** The same with what `--yes` says yes to. */
export function withYes(written: WrittenConfig, yes: boolean | undefined, where: string): WrittenConfig {
  if (yes !== true) return written;
  const source = { ...written.source, allowChance: true };
  return { config: parseConfig(JSON.stringify(source), where), source };
}

/** Aborts on Ctrl-C. What is done is kept: results are written whole or not at all. A second Ctrl-C kills. */
function onInterrupt(): { signal: AbortSignal; ignore(): void } {
  const controller = new AbortController();
  const stop = () =>
    controller.abort(new RunError('interrupted; start the same command again and it goes on from here'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return { signal: controller.signal, ignore: () => process.off('SIGINT', stop).off('SIGTERM', stop) };
}

/** The XDG cache folder: rankings are computed once on a machine and can always be computed again. */
export function rankingsFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'igd');
}
