import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
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

/**
 * Where inputs named by URI are kept on this machine: they can always be downloaded again. Jobs of one host share the folder that
 * IGD_INPUTS names, unless that host has none they can write to.
 */
async function inputsFolder(): Promise<string> {
  const shared = process.env.IGD_INPUTS;
  if (shared !== undefined && (await isWritable(shared))) return shared;
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'igd', 'inputs');
}

function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/**
 * The config with a local path for every input: paths stay, `s3://bucket/key` is downloaded into `folder` once. For opening
 * inputs only: plans and reports keep the names the user gave. Throws InputError where something is missing or denied.
 */
export async function localise({ config, versions }: PinnedConfig, folder?: string): Promise<LocalConfig> {
  const named = namedInputs(config);
  const into = folder ?? (await inputsFolder());
  const local = await Promise.all(named.map(({ path }) => localInput(path, into, versions?.[path])));
  const paths = named.map(({ keys, path }, index) => ({ keys, path: local[index]?.path ?? path }));
  const found = named.flatMap(({ path }, index) => {
    const version = local[index]?.version;
    return version === undefined ? [] : [[path, version] as const];
  });
  return { config: withPaths(config, paths), versions: Object.fromEntries(found) };
}

/** S3 versions of inputs, by URI. */
type Versions = Readonly<Record<string, string>>;

/** A config, and the versions of its inputs that are wanted: the newest where nothing is said. */
export interface PinnedConfig {
  readonly config: RunConfig;
  readonly versions?: Versions | undefined;
}

/** A config whose paths can be opened, and the versions they are of, where their buckets keep versions. */
export interface LocalConfig {
  readonly config: RunConfig;
  readonly versions: Versions;
}

/** Path of an input. The AWS SDK is loaded for buckets alone. */
export async function localPath(uri: string, folder?: string): Promise<string> {
  return (await localInput(uri, folder ?? (await inputsFolder()))).path;
}

async function localInput(
  uri: string,
  folder: string,
  version?: string,
): Promise<{ path: string; version?: string | undefined }> {
  if (!uri.startsWith('s3://')) return { path: uri };
  const { downloaded } = await import('./s3/files.ts');
  return downloaded(uri, folder, version);
}
