import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { DEVICES, type Device } from '../../contracts/config.ts';
import { RunError } from '../../contracts/errors.ts';
import { parseConfig } from '../../contracts/parse-config.ts';
import { LocalEngine } from '../../engines/local.ts';
import { encodePlan, type Plan } from '../../pipeline/plan.ts';
import { executeRun, type RunOptions } from '../../pipeline/run.ts';
import { reportTable } from '../../report/table.ts';
import { requireProvider } from '../../runtime/provider.ts';
import { readText, say } from '../files.ts';
import { cores, positiveInteger } from '../options.ts';
import { placeOf } from '../places.ts';
import { runProgress } from '../progress.ts';

interface RunFlags {
  readonly out: string;
  readonly workers?: number;
  readonly rankings: string;
  readonly device?: Device;
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('evaluate every variant of a config and write the report; goes on where an earlier start stopped')
    .argument('<config>', 'run config (.json)')
    .requiredOption('--out <dir>', 'folder of the run, or s3://bucket/prefix: plan, results, report')
    .option('--workers <n>', 'worker threads, each doing one shard at a time (default: one a core)', positiveInteger)
    .addOption(new Option('--device <device>', "what computes, instead of the config's").choices(DEVICES))
    .option('--rankings <dir>', 'folder where rankings are kept for every run', rankingsFolder())
    .action(run);
}

async function run(path: string, { out, workers = cores(), rankings, device }: RunFlags): Promise<void> {
  const { config, source } = await readConfig(path, device);
  await requireProvider(config.compute.device);
  const [runs, ranked] = await Promise.all([placeOf(out), placeOf(rankings)]);
  const progress = runProgress(process.stderr);
  const interrupt = onInterrupt();
  const { computed, report } = await executeRun({
    config,
    source,
    runs: runs.store,
    rankings: ranked.store,
    engine: (plan) =>
      new LocalEngine({
        plan: encodePlan(plan),
        runs: runs.spec,
        rankings: ranked.spec,
        workers,
        cores: cores(),
      }),
    listener: progress,
    signal: interrupt.signal,
  }).finally(() => {
    interrupt.ignore();
    progress.end();
  });
  if (!computed) say(`this run is finished already; nothing was done. "igd report ${out}" writes its report anew`);
  say(reportTable(report));
  say(`report: ${runs.where('report.html')}`);
}

/** The config, and as the user wrote it but for the device asked for. Throws ConfigError. */
export async function readConfig(
  path: string,
  device: Device | undefined,
): Promise<Pick<RunOptions, 'config' | 'source'>> {
  const text = await readText(path);
  const config = parseConfig(text, path);
  const written: Record<string, Plan['source']> = JSON.parse(text);
  if (device === undefined) return { config, source: written };
  const source = { ...written, compute: { ...config.compute, device } };
  return { config: parseConfig(JSON.stringify(source), path), source };
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
