import { join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../../errors.ts';
import { addJson, printJson, progressOutput } from '../output.ts';
import { countProgress } from '../progress.ts';
import { addServiceOptions, openService, type ServiceFlags } from '../remote/service.ts';
import { localFolder, print } from '../storage-location.ts';

interface DownloadFlags extends ServiceFlags {
  readonly to: string;
  readonly examples?: boolean;
  readonly history?: boolean;
}

/** Downloads under way at once. */
const AT_ONCE = 8;

export function define(command: Command): void {
  addJson(command)
    .argument('<run>', 'name of the run or of its config')
    .requiredOption('--to <dir>', 'folder to put it in')
    .option('--examples', 'also the adversarial examples and the result of every shard, as "igd verify" takes them')
    .option('--history', 'the history of the schedule of that name, instead of a run');
  addServiceOptions(command).action(download);
}

async function download(
  name: string,
  { to, examples = false, history = false, ...flags }: DownloadFlags,
): Promise<void> {
  const folder = localFolder(to, '--to');
  const { ctx, runNamed } = await openService(flags);
  const { buckets } = ctx.service;
  if (history && examples) throw new InputError('a history has no examples: leave out --history or --examples');
  const { downloadFile, filesOf, historiesOfRuns, historyFilesOf } = await import('../../service/download.ts');
  const run = history ? name : await runNamed(name);
  const files = await (history ? historyFilesOf(buckets.runs, name) : filesOf(buckets.runs, run, examples));
  if (files.length === 0)
    throw new InputError(history ? noHistory(name, await historiesOfRuns(buckets.runs, name)) : nothingOf(run));
  const progress = countProgress(progressOutput(), 'files:');
  const queue = [...files];
  let [done, fetched] = [0, 0];
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      if (await downloadFile(buckets.runs, file, folder)) fetched += 1;
      progress.update(++done, files.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work)).finally(progress.end);
  printJson({ folder: folder.root, files: files.length, downloaded: fetched });
  print(`${folder.root}: ${fetched} of ${files.length} files downloaded, ${files.length - fetched} were there already`);
  const report = pageOf(files.map(({ name: file }) => file));
  print(report === undefined ? 'the run has no report yet: see "igd status"' : `report: ${join(folder.root, report)}`);
}

/** Of a sweep that of all its runs, and of others the one there is. */
function pageOf(names: readonly string[]): string | undefined {
  const pages = [/(^|\/)sweep\.html$/, /(^|\/)(report|index)\.html$/];
  return pages.flatMap((page) => names.find((name) => page.test(name)) ?? [])[0];
}

function nothingOf(run: string): string {
  return `there is nothing of a run "${run}" yet: "igd list" shows all runs`;
}

/** `known`: those of a schedule whose config is a sweep. */
function noHistory(schedule: string, known: readonly string[]): string {
  if (known.length > 0)
    return `schedule "${schedule}" has a history for each run of its sweep: give one of ${known.join(', ')}`;
  return `there is no history of a schedule "${schedule}" yet: it begins when a run that it started ends`;
}
