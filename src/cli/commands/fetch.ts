import type { Command } from 'commander';
import { CATALOGUE } from '../../datasets/catalogue.ts';
import { fetchNamed } from '../../datasets/fetch.ts';
import { addJson, printJson, progressOutput } from '../output.ts';
import { countProgress } from '../progress.ts';
import { localFolder, print } from '../storage-location.ts';

export function define(command: Command): void {
  addJson(command)
    .argument('<name>', `${Object.keys(CATALOGUE).join(', ')}; or a model that "igd zoo" lists`)
    .option('--to <dir>', 'folder to put it in', 'data')
    .action(async (name: string, { to }: { to: string }) => {
      localFolder(to, '--to');
      const progress = countProgress(progressOutput(), 'bytes');
      const fetched = await fetchNamed(name, to, { onProgress: progress.update }).finally(progress.end);
      printJson(fetched);
      for (const { path, outcome, checksum } of fetched)
        print(
          `${path} ${outcome === 'already there' ? 'is there already' : 'downloaded'}, ${checksum.algorithm} ${checksum.hex}`,
        );
    });
}
