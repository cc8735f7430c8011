import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RunConfig } from '../schemas/config.ts';
import { namedInputs, withPaths } from '../schemas/input-paths.ts';
import { FileStore } from './folder-store.ts';
import type { Store } from './store.ts';

/** Which store, as it is handed to worker threads and containers. */
export type StoreSpec =
  | { readonly kind: 'folder'; readonly root: string }
  /** Keys lie under `prefix`, which is '' or ends with '/'. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };

/** Opens a store. The AWS SDK is loaded for buckets alone. */
export async function openStore(spec: StoreSpec): Promise<Store> {
  if (spec.kind === 'folder') return new FileStore(spec.root);
  const { S3Store } = await import('./s3/store.ts');
  return new S3Store(spec);
}

/** Where inputs named by URI are kept on this machine: they can always be downloaded again. */
function inputsFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'igd', 'inputs');
}

/**
 * The config with a local path for every input: paths stay, `s3://bucket/key` is downloaded into `folder` once. For opening
 * inputs only: plans and reports keep the names the user gave. Throws InputError where something is missing or denied.
 */
export async function localise(config: RunConfig, folder: string = inputsFolder()): Promise<RunConfig> {
  const local = namedInputs(config).map(async ({ keys, path }) => ({ keys, path: await localPath(path, folder) }));
  return withPaths(config, await Promise.all(local));
}

/** Path of an input. The AWS SDK is loaded for buckets alone. */
export async function localPath(uri: string, folder: string = inputsFolder()): Promise<string> {
  if (!uri.startsWith('s3://')) return uri;
  const { downloaded } = await import('./s3/files.ts');
  return downloaded(uri, folder);
}
