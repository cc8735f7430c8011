import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, messageOf } from '../errors.ts';
import { requireProvider } from '../runtime/provider.ts';
import type { RunConfigInput } from '../schemas/config.ts';
import { readConfig } from '../schemas/config-text/read.ts';
import { parseConfig } from '../schemas/parse-config.ts';
import type { Report } from '../schemas/report.ts';
import { localPath } from '../stores/open.ts';
import { requireWorkers } from '../workers/worker-count.ts';
import { describe, knownOptions, wholeNumber } from './arguments.ts';
import type { EvaluateOptions } from './run-in-folder.ts';

const OPTIONS = ['out', 'rankings', 'workers', 'onProgress', 'signal'];

/**
 * Does a whole run, as `igd run` does: ranks, attacks every variant in worker threads, evaluates transferred examples, and
 * reports. The same config and inputs give the same numbers, however it is cut up or interrupted.
 *
 * Rejects with ConfigError where the config does not fit its schema or stands for several runs, with InputError where its
 * inputs cannot be used, with RunError where the work failed, and with the signal's reason where it is stopped.
 *
 * @param config a run config as an object, or the path of one (`.json`, `.jsonc`, `.yaml`); paths in it are relative to the working directory
 */
export async function evaluate(config: RunConfigInput | string, options: EvaluateOptions = {}): Promise<Report> {
  knownOptions(options, OPTIONS, 'evaluate');
  const text = typeof config === 'string' ? await readConfigFile(config) : JSON.stringify(config);
  if (text === undefined) throw new InputError(`the config is ${describe(config)}: give an object, or the path of one`);
  const where = typeof config === 'string' ? config : 'the config';
  const written = { config: parseConfig(text, where), source: JSON.parse(text) };
  const workers = options.workers === undefined ? undefined : wholeNumber(options.workers, 'workers', 1);
  requireWorkers(written.config.compute.device, workers);
  await requireProvider(written.config.compute.device);
  // What plans, shares out and reports is loaded by those alone who do runs.
  const { runIn } = await import('./run-in-folder.ts');
  if (options.out !== undefined) return runIn(options.out, written, workers, options);
  const folder = await mkdtemp(join(tmpdir(), 'igd-run-'));
  try {
    return await runIn(folder, written, workers, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readConfigFile(path: string): Promise<string> {
  const bytes = await readFile(await localPath(path)).catch((cause: unknown) => {
    throw new InputError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  return JSON.stringify(await readConfig(bytes, path));
}
