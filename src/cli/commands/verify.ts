import { type Command, InvalidArgumentError } from 'commander';
import { RunError } from '../../errors.ts';
import { QUANTISED_LEGEND, quantisedText } from '../../report/quantised.ts';
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
    .option(
      '--quantise <bits>',
      'also: what is robust once the examples are rounded as files hold them; 8 is usual',
      bits,
    )
    .action(async (dir: string, { rankings, quantise }: { rankings: string; quantise?: number }) => {
      const runs = await storageLocation(dir);
      const plan = await planOf(runs);
      const local = { ...plan, config: (await localise(plan)).config };
      const progress = countProgress(progressOutput(), 'examples checked:');
      const stores = { runs: runs.store, rankings: (await storageLocation(rankings)).store };
      const found = await verifyRun(
        { plan: local, ...stores, runtime: onnxRuntime({ threads: cores() }), bits: quantise },
        progress.update,
      ).finally(progress.end);
      printJson(found);
      const { checked, failures, quantised = [] } = found;
      for (const { variant, robust, quantised: rounded } of quantised)
        print(`${variant}: ${quantisedText(rounded, robust)}`);
      if (quantised.length > 0) print(QUANTISED_LEGEND);
      for (const { variant, image, problem } of failures.slice(0, SHOWN))
        print(`${variant}, image ${image}: ${problem}`);
      if (failures.length > 0) throw new RunError(`${failures.length} of ${checked} adversarial examples do not hold`);
      print(
        `all ${checked} adversarial examples hold: within ${plan.config.threat.norm} ${plan.config.threat.epsilon.toPrecision(4)}, in [0, 1], misclassified`,
      );
    });
}

function bits(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 16)
    throw new InvalidArgumentError('give a number of bits, 1 to 16: files of images have 8.');
  return value;
}
