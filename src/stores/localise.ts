import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RunConfig } from '../contracts/config.ts';

/** Where inputs named by URI are kept on this machine: they can always be downloaded again. */
export function inputsFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'igd', 'inputs');
}

/**
 * The config with a local path for every input: paths stay, `s3://bucket/key` is downloaded into `folder` once. For opening
 * inputs only: plans and reports keep the names the user gave. Throws InputError where something is missing or denied.
 */
export async function localise(config: RunConfig, folder: string = inputsFolder()): Promise<RunConfig> {
  const { checkpoint, dataset, ranking } = config;
  const local = async (uri: string | undefined) => (uri === undefined ? undefined : localPath(uri, folder));
  const [test, probe, testLabels, probeLabels, testList, file] = await Promise.all(
    [dataset.test, dataset.probe, dataset.testLabels, dataset.probeLabels, dataset.testList, ranking.file].map(local),
  );
  return {
    ...config,
    checkpoint: { ...checkpoint, uri: await localPath(checkpoint.uri, folder) },
    dataset: { ...dataset, test: test ?? dataset.test, probe, testLabels, probeLabels, testList },
    ranking: { ...ranking, file },
  };
}

/** Path of an input. The AWS SDK is loaded for buckets alone. */
export async function localPath(uri: string, folder: string = inputsFolder()): Promise<string> {
  if (!uri.startsWith('s3://')) return uri;
  const { downloaded } = await import('./s3-files.ts');
  return downloaded(uri, folder);
}
