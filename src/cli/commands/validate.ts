import type { Command } from 'commander';
import { suiteOf } from '../../attacks/suites.ts';
import { parseConfig } from '../../contracts/parse-config.ts';
import { parseSweep } from '../../contracts/sweep.ts';
import { checkAnalysis } from '../../pipeline/analysis-plan.ts';
import { inspectInputs } from '../../pipeline/inputs.ts';
import { localise } from '../../stores/localise.ts';
import { readText, say } from '../files.ts';

export function addValidate(program: Command): void {
  program
    .command('validate')
    .description('check a run config and the files it names; nothing is computed or written')
    .argument('<config>', 'run config (.json)')
    .action(async (path: string) => {
      const text = await readText(path);
      const sweep = parseSweep(text, path);
      const [config = parseConfig(text, path), ...others] = sweep?.runs.map((run) => run.config) ?? [];
      for (const other of others) await inspectInputs(await localise(other));
      const inputs = await inspectInputs(await localise(config));
      checkAnalysis(config, inputs);
      const { checkpoint, test, probe, clip } = inputs;
      say(`${path} is a valid run config`);
      if (sweep !== undefined)
        say(`  sweep     ${sweep.key}: ${sweep.runs.map(({ value }) => value).join(', ')}; the first:`);
      say(`  model     ${checkpoint.architecture}, ${checkpoint.classes} classes, sha256 ${checkpoint.sha256}`);
      for (const note of checkpoint.notes) say(`            ${note}`);
      if (checkpoint.layer !== null)
        say(
          `  layer     ${checkpoint.layer.name}, ${checkpoint.layer.units} units, ${config.importantUnits ?? 'all'} kept`,
        );
      say(`  images    ${test.images} to evaluate${probe === null ? '' : `, ${probe.images} to rank on`}`);
      if (clip !== undefined)
        say(
          `  clip      ${clip.description}; ${clip.concepts.slice(0, 5).join(', ')}${clip.concepts.length > 5 ? ', ...' : ''}`,
        );
      say(`  variants  ${config.variants.map(({ id }) => id).join(', ')}`);
      say(
        `  attacks   ${suiteOf(config)
          .map(({ name }) => name)
          .join(', ')}; ${config.threat.norm}, eps ${config.threat.epsilon.toPrecision(4)}`,
      );
    });
}
