import type { Command } from 'commander';
import { CATALOGUE, fetchNamed } from '../../datasets/fetch.ts';
import { countProgress } from '../progress.ts';
import { localFolder, print } from '../storage-location.ts';

export function define(command: Command): void {
  command
    .argument('<name>', Object.keys(CATALOGUE).join(', '))
    .option('--to <dir>', 'folder to put it in', 'data')
    .action(async (name: string, { to }: { to: string }) => {
      localFolder(to, '--to');
      const progress = countProgress(process.stderr, 'bytes');
      const { path, outcome, checksum } = await fetchNamed(name, to, { onProgress: progress.update }).finally(
        progress.end,
      );
      print(
        `${path} ${outcome === 'already there' ? 'is there already' : 'downloaded'}, ${checksum.algorithm} ${checksum.hex}`,
      );
    });
}
