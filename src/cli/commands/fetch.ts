import type { Command } from 'commander';
import { CATALOGUE } from '../../datasets/catalogue.ts';
import { fetchNamed } from '../../datasets/fetch.ts';
import { say } from '../files.ts';
import { folderOf } from '../places.ts';
import { countProgress } from '../progress.ts';

export function addFetch(program: Command): void {
  program
    .command('fetch')
    .description('download a dataset or a published checkpoint and check its checksum; goes on where it was cut')
    .argument('<name>', Object.keys(CATALOGUE).join(', '))
    .option('--to <dir>', 'folder to put it in', 'data')
    .action(async (name: string, { to }: { to: string }) => {
      folderOf(to, '--to');
      const progress = countProgress(process.stderr, 'bytes');
      const { path, outcome, checksum } = await fetchNamed(name, to, { onProgress: progress.update }).finally(
        progress.end,
      );
      say(
        `${path} ${outcome === 'already there' ? 'is there already' : 'downloaded'}, ${checksum.algorithm} ${checksum.hex}`,
      );
    });
}
