import type { Command } from 'commander';
import { exportExamples } from '../../pipeline/export.ts';
import { counted, list } from '../../report/format.ts';
import { localise } from '../../stores/localise.ts';
import { say } from '../files.ts';
import { folderOf, placeOf } from '../places.ts';
import { countProgress } from '../progress.ts';
import { planOf, requireVariant } from './report.ts';

interface ExportFlags {
  readonly to: string;
  readonly variant?: string;
}

export function addExport(program: Command): void {
  program
    .command('export')
    .description("write a run's adversarial examples, labels and predictions as .npy, a folder for each variant")
    .argument('<dir>', 'folder of the run, or s3://bucket/prefix')
    .requiredOption('--to <folder>', 'where the folders go')
    .option('--variant <id>', 'of this variant alone')
    .action(async (dir: string, { to, variant }: ExportFlags) => {
      const runs = await placeOf(dir);
      const plan = await planOf(runs);
      if (variant !== undefined) requireVariant(plan, variant);
      const folder = folderOf(to, '--to').root;
      const progress = countProgress(process.stderr, 'shards exported:');
      const exported = await exportExamples({
        plan: { ...plan, config: await localise(plan.config) },
        runs: runs.store,
        folder,
        variants: variant === undefined ? plan.config.variants.map(({ id }) => id) : [variant],
        progress: progress.update,
      }).finally(progress.end);
      for (const [id, { images, adversarial }] of exported)
        say(`${id}: ${counted(images, 'image')}, ${adversarial} of them adversarial`);
      say(`${list(['x_adv.npy', 'labels.npy', 'predictions.npy'])} in ${folder}/<variant>`);
    });
}
