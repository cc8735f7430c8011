import type { Command } from 'commander';
import { CheckpointError } from '../../errors.ts';
import { namedInputs, withPaths } from '../../schemas/input-paths.ts';
import { type ParameterSweep, parseParameterSweep, withSweptTexts } from '../../schemas/parameter-sweep.ts';
import { parseConfig } from '../../schemas/parse-config.ts';
import { finiteNumber } from '../numbers.ts';
import { addJson, printJson } from '../output.ts';
import { addServiceOptions, type ServiceFlags, serviceOf } from '../remote/service.ts';
import { print, readConfigJson } from '../storage-location.ts';

interface SubmitFlags extends ServiceFlags {
  readonly wait: number;
}

export function define(command: Command): void {
  command
    .argument('<config>', 'run config (.json, .jsonc, .yaml)')
    .option('--wait <seconds>', 'how long to wait for the service to take it', finiteNumber, 60);
  addServiceOptions(addJson(command)).action(submit);
}

/** For programs: null where the service has not answered yet. */
interface SubmittedRun {
  readonly config: string;
  readonly run: string | null;
  readonly started: boolean | null;
}

/** Nothing is uploaded before the config and every file it names have been read. Of a parameter sweep that is one config, and one run. */
async function submit(path: string, { wait, ...flags }: SubmitFlags): Promise<void> {
  const text = await readConfigJson(path);
  const sweep = parseParameterSweep(text, path);
  const configs = sweep?.runs.map(({ config }) => config) ?? [parseConfig(text, path)];
  const named = configs.flatMap(namedInputs).filter((input) => !input.path.startsWith('s3://'));
  const written = JSON.parse(text);
  // What is only beside a named file stays behind: a config that rests on it is refused before anything is uploaded.
  const inBucket = JSON.stringify(moveInputs(written, sweep, named, (local) => `s3://bucket/${local}`));
  if (parseParameterSweep(inBucket, path) === undefined) parseConfig(inBucket, path);
  const { buckets } = await serviceOf(flags);
  const { localFile, uploadInput } = await import('../../service/upload.ts');
  const files = new Map<string, Awaited<ReturnType<typeof localFile>>>();
  for (const { path: local } of named) if (!files.has(local)) files.set(local, await localFile(local));
  for (const { checkpoint } of configs) requireChecksum(checkpoint, files.get(checkpoint.uri)?.sha256);

  const uris = new Map<string, string>();
  for (const [local, file] of files) {
    const { uri, sent } = await uploadInput(buckets.inputs, file);
    uris.set(local, uri);
    print(`${local}: ${sent ? 'uploaded to' : 'is there already,'} ${uri}`);
  }
  const moved = moveInputs(written, sweep, named, (local) => uris.get(local) ?? local);
  printJson(await start(buckets.runs, configs[0]!.name, `${JSON.stringify(moved, null, 2)}\n`, wait));
}

/** The config with other paths, also where they are what is swept. */
function moveInputs(
  written: Record<string, unknown>,
  sweep: ParameterSweep | undefined,
  named: ReturnType<typeof namedInputs>,
  moved: (path: string) => string,
): Record<string, unknown> {
  const own = named.filter(({ keys }) => keys.join('.') !== sweep?.key);
  const config = withPaths(
    written,
    own.map(({ keys, path }) => ({ keys, path: moved(path) })),
  );
  return sweep === undefined || own.length === named.length ? config : withSweptTexts(config, sweep, moved);
}

async function start(bucket: string, name: string, text: string, wait: number): Promise<SubmittedRun> {
  const { S3Store } = await import('../../stores/s3/store.ts');
  const { uploadConfig } = await import('../remote/answer.ts');
  const answer = await uploadConfig(new S3Store({ bucket, prefix: '' }), name, text, wait);
  if (answer === undefined) {
    print(`${name} is submitted; the service has not answered yet. "igd list" will show the run`);
    return { config: name, run: null, started: null };
  }
  print(`run ${answer.run} ${answer.started ? 'is started' : 'had been started before; nothing new was started'}`);
  print(`watch it with: igd status ${answer.run} --watch`);
  return { config: name, run: answer.run, started: answer.started };
}

/** Throws CheckpointError where the file is not the one the config expects. */
function requireChecksum({ uri, sha256 }: { uri: string; sha256?: string | undefined }, found?: string): void {
  if (sha256 === undefined || found === undefined || found === sha256) return;
  throw new CheckpointError(
    `checkpoint ${uri} has SHA-256 ${found}, the config expects ${sha256}: fetch the right file`,
  );
}
