import type { Command } from 'commander';
import { parseSweep, type Sweep } from '../../contracts/sweep.ts';
import { executeRun } from '../../pipeline/run.ts';
import { executeSweep } from '../../pipeline/sweep.ts';
import { sweepTable } from '../../report/sweep-tables.ts';
import { reportTable } from '../../report/table.ts';
import { requireProvider } from '../../runtime/provider.ts';
import { addExecutionOptions, configOf, type ExecutionFlags, execute } from '../execution.ts';
import { readText, say } from '../files.ts';
import { type Place, placeOf, placeWithin } from '../places.ts';

export { rankingsFolder } from '../execution.ts';

export function addRun(program: Command): void {
  const command = program
    .command('run')
    .description('evaluate every variant of a config and write the report; goes on where an earlier start stopped')
    .argument('<config>', 'run config (.json); one with a sweep stands for several runs')
    .requiredOption('--out <dir>', 'folder of the run, or s3://bucket/prefix: plan, results, report');
  addExecutionOptions(command).action(run);
}

async function run(path: string, flags: ExecutionFlags): Promise<void> {
  const text = await readText(path);
  const sweep = parseSweep(text, path);
  await (sweep === undefined ? runOne(text, path, flags) : runSweep(sweep, flags));
}

async function runOne(text: string, path: string, flags: ExecutionFlags): Promise<void> {
  const { config, source } = configOf(text, path, flags.device);
  await requireProvider(config.compute.device);
  const runs = await placeOf(flags.out);
  const { computed, report } = await execute(flags, ({ optionsFor }) =>
    executeRun({ ...optionsFor(runs), config, source }),
  );
  if (!computed)
    say(`this run is finished already; nothing was done. "igd report ${flags.out}" writes its report anew`);
  say(reportTable(report));
  say(`report: ${runs.where('report.html')}`);
}

async function runSweep({ runs, ...sweep }: Sweep, flags: ExecutionFlags): Promise<void> {
  const onDevice = runs.map((one) => ({ ...one, ...configOf(JSON.stringify(one.source), one.label, flags.device) }));
  for (const { config } of onDevice) await requireProvider(config.compute.device);
  const whole = await placeOf(flags.out);
  const places = new Map<string, Place>();
  for (const { label } of runs) places.set(label, await placeWithin(flags.out, label));
  const report = await execute(flags, ({ optionsFor, tell }) =>
    executeSweep({
      sweep: { ...sweep, runs: onDevice },
      store: whole.store,
      optionsFor: ({ label }) => optionsFor(places.get(label) ?? whole),
      begin: ({ label }, position) => tell(`${label} (${position + 1} of ${runs.length})`),
    }),
  );
  say(`\n${sweepTable(report)}`);
  say(`report: ${whole.where('sweep.html')}, and one in the folder of each run`);
}
