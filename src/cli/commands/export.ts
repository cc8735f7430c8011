import type { Command } from 'commander';
import { counted, list } from '../../report/format.ts';
import { exportExamples } from '../../runs/export.ts';
import { localise } from '../../stores/open.ts';
import { addJson, printJson, progressOutput } from '../output.ts';
import { countProgress } from '../progress.ts';
import { localFolder, print, storageLocation } from '../storage-location.ts';
import { planOf, requireVariant } from './report.ts';

interface ExportFlags {
  readonly to: string;
  readonly variant?: string;
}

export function define(command: Command): void {
  addJson(command)
    .argument('<dir>', 'folder of the run, or s3://bucket/prefix')
    .requiredOption('--to <folder>', 'where the folders go')
    .option('--variant <id>', 'of this variant alone')
    .action(async (dir: string, { to, variant }: ExportFlags) => {
      const runs = await storageLocation(dir);
      const plan = await planOf(runs);
      if (variant !== undefined) requireVariant(plan, variant);
      const folder = localFolder(to, '--to').root;
      const progress = countProgress(progressOutput(), 'shards exported:');
      const exported = await exportExamples({
        plan: { ...plan, config: (await localise(plan)).config },
        runs: runs.store,
        folder,
        variants: variant === undefined ? plan.config.variants.map(({ id }) => id) : [variant],
        progress: progress.update,
      }).finally(progress.end);
      printJson({ folder, variants: Object.fromEntries(exported) });
      for (const [id, { images, adversarial }] of exported)
        print(`${id}: ${counted(images, 'image')}, ${adversarial} of them adversarial`);
      print(`${list(['x_adv.npy', 'labels.npy', 'predictions.npy'])} in ${folder}/<variant>`);
    });
}
