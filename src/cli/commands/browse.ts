import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../../errors.ts';
import { igdVersion } from '../../package-root.ts';
import { serviceKeys } from '../../schemas/service.ts';
import { onAws } from '../../service/on-aws.ts';
import { listFolder } from '../../stores/list-folder.ts';
import { serve } from '../browse/server.ts';
import { serviceTree } from '../browse/service-tree.ts';
import { type EntryRecord, Site, type SiteOptions } from '../browse/site.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { print, storageLocation } from '../storage-location.ts';

interface BrowseFlags extends ServiceFlags {
  readonly port: number;
}

export function define(command: Command): void {
  command
    .argument(
      '[folder]',
      'folder with runs, at any depth, or s3://bucket/prefix; left out, the runs of a service, or "runs"',
    )
    .option('--port <n>', 'port of 127.0.0.1; 0 takes a free one', portNumber, 0);
  addServiceOptions(command).action(browse);
}

function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError('give a port, 0 to 65535.');
  return value;
}

async function browse(folder: string | undefined, { port, ...flags }: BrowseFlags): Promise<void> {
  const site = new Site(await siteOf(folder, flags));
  const server = await serve(site, port);
  print(server.url);
  print('on this machine alone, and for whoever has the whole address; Ctrl-C ends it');
  await interrupted();
  server.close();
  // What a bucket has not answered yet would keep the process for as long as it is tried.
  process.exit(0);
}

/** The service of the environment is one to fall back on: a folder that is named is what is meant. */
function siteOf(folder: string | undefined, flags: ServiceFlags): Promise<SiteOptions> {
  const { stack, service } = flags;
  if (folder === undefined) return (stack ?? service) ? serviceSite(flags) : folderSite('runs');
  if (stack === undefined && (service === undefined || service === process.env.IGD_SERVICE)) return folderSite(folder);
  throw new InputError(`a service has runs of its own: leave ${folder} out, or --stack and --service`);
}

async function folderSite(path: string): Promise<SiteOptions> {
  const { spec, store } = await storageLocation(path);
  if (spec.kind === 'folder' && !existsSync(spec.root))
    throw new InputError(`${path} is not there: give a folder with runs, or s3://bucket/prefix`);
  const tree = { store, listFolder: (below: string) => listFolder(spec, below) };
  // What is denied or has no such name is said before a browser asks.
  await tree.listFolder('');
  return { tree, place: path, version: igdVersion() };
}

/** The runs and histories of the runs bucket, and what its records tell. */
async function serviceSite(flags: ServiceFlags): Promise<SiteOptions> {
  const { ctx, service } = await openService(flags);
  const bucket = `s3://${ctx.service.buckets.runs}/`;
  const [site, { tree: all }] = [await folderSite(`${bucket}${serviceKeys.runs}`), await folderSite(bucket)];
  const records = async () => {
    const runs = await onAws('list runs', () => service.listRuns(ctx));
    return new Map(
      runs.map(({ run, status, submittedAt, endedAt }): [string, EntryRecord] => {
        const time = endedAt ?? submittedAt;
        return [run, time === '' ? { status } : { status, date: new Date(time) }];
      }),
    );
  };
  return { ...site, tree: serviceTree(site.tree, all), place: `stack ${ctx.service.stack}`, records };
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
  });
}
