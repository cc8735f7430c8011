import type { Command } from 'commander';
import { RunError } from '../../errors.ts';
import { verifyRun } from '../../runs/verify.ts';
import { onnxRuntime } from '../../runtime/session.ts';
import { localise } from '../../stores/open.ts';
import { rankingsFolder } from '../execution-context.ts';
import { cores } from '../options.ts';
import { addJson, printJson, progressOutput } from '../output.ts';
import { countProgress } from '../progress.ts';
import { print, storageLocation } from '../storage-location.ts';
import { planOf } from './report.ts';

/** Failures shown one by one. */
const SHOWN = 20;

export function define(command: Command): void {
  addJson(command)
    .argument('<dir>', 'folder of the run, or s3://bucket/prefix')
    .option('--rankings <dir>', 'folder where rankings are kept', rankingsFolder())
    .action(async (dir: string, { rankings }: { rankings: string }) => {
      const runs = await storageLocation(dir);
      const plan = await planOf(runs);
      const local = { ...plan, config: (await localise(plan)).config };
      const progress = countProgress(progressOutput(), 'examples checked:');
      const stores = { runs: runs.store, rankings: (await storageLocation(rankings)).store };
      const { checked, failures } = await verifyRun(
        { plan: local, ...stores, runtime: onnxRuntime({ threads: cores() }) },
        progress.update,
      ).finally(progress.end);
      printJson({ checked, failures });
      for (const { variant, image, problem } of failures.slice(0, SHOWN))
        print(`${variant}, image ${image}: ${problem}`);
      if (failures.length > 0) throw new RunError(`${failures.length} of ${checked} adversarial examples do not hold`);
      print(
        `all ${checked} adversarial examples hold: within ${plan.config.threat.norm} ${plan.config.threat.epsilon.toPrecision(4)}, in [0, 1], misclassified`,
      );
    });
}
