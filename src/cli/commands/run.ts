import type { Command } from 'commander';
import { counted } from '../../report/format.ts';
import { parameterSweepTable } from '../../report/parameter-sweep.ts';
import { reportTable } from '../../report/table.ts';
import { executeParameterSweep } from '../../runs/parameter-sweep.ts';
import type { Plan } from '../../runs/planning/plan.ts';
import { executeRun } from '../../runs/run.ts';
import { idleKeys } from '../../schemas/idle-keys.ts';
import { type ParameterSweep, parseParameterSweep } from '../../schemas/parameter-sweep.ts';
import { sayAssumed } from '../assumptions.ts';
import {
  addCacheOption,
  addExecutionOptions,
  configOf,
  type ExecutionFlags,
  execute,
  requireDevice,
  withYes,
} from '../execution-context.ts';
import { addJson, printJson } from '../output.ts';
import { print, readConfigJson, type StorageLocation, storageLocation, storageWithin } from '../storage-location.ts';

interface RunFlags extends ExecutionFlags {
  readonly yes?: true;
}

export function define(command: Command): void {
  command
    .argument('<config>', 'run config (.json, .jsonc, .yaml); one with a parameter sweep stands for several runs')
    .requiredOption('--out <dir>', 'folder of the run, or s3://bucket/prefix: plan, results, report')
    .option('--yes', 'go on where the model is no better than chance on clean images ("allowChance")');
  addJson(addExecutionOptions(addCacheOption(command))).action(run);
}

async function run(path: string, flags: RunFlags): Promise<void> {
  const text = await readConfigJson(path);
  const sweep = parseParameterSweep(text, path);
  await (sweep === undefined ? runOne(text, path, flags) : runSweep(sweep, flags));
}

async function runOne(text: string, path: string, flags: RunFlags): Promise<void> {
  const { config, source } = withYes(configOf(text, path, flags.device), flags.yes, path);
  await requireDevice(config.compute.device, flags.workers);
  const runs = await storageLocation(flags.out);
  const { computed, reused, report } = await execute(flags, ({ optionsFor, print: printLine }) => {
    // Before hours are spent on it.
    const prepare = async ({ inputs }: Plan) => {
      for (const { message } of inputs.notes ?? []) printLine(`note: ${message}`);
    };
    return executeRun({ ...optionsFor(runs), config, source, prepare });
  });
  if (!computed)
    print(`this run is finished already; nothing was done. "igd report ${flags.out}" writes its report anew`);
  printJson(report);
  print(reportTable(report));
  if (reused > 0)
    print(`reused: ${counted(reused, 'shard')} that other runs had evaluated; --no-cache computes them anew`);
  sayAssumed(report.checkpoint.reading ?? []);
  for (const line of idleKeys(config)) print(`note: ${line}`);
  print(`report: ${runs.where('report.html')}`);
}

async function runSweep({ runs, ...sweep }: ParameterSweep, flags: RunFlags): Promise<void> {
  const onDevice = runs.map((one) => ({
    ...one,
    ...withYes(configOf(JSON.stringify(one.source), one.label, flags.device), flags.yes, one.label),
  }));
  for (const { config } of onDevice) await requireDevice(config.compute.device, flags.workers);
  const whole = await storageLocation(flags.out);
  const locations = new Map<string, StorageLocation>();
  for (const { label } of runs) locations.set(label, await storageWithin(flags.out, label));
  const report = await execute(flags, ({ optionsFor, print }) =>
    executeParameterSweep({
      sweep: { ...sweep, runs: onDevice },
      store: whole.store,
      optionsFor: ({ label }) => optionsFor(locations.get(label) ?? whole),
      begin: ({ label }, position) => print(`${label} (${position + 1} of ${runs.length})`),
    }),
  );
  printJson(report);
  print(`\n${parameterSweepTable(report)}`);
  print(`report: ${whole.where('sweep.html')}, and one in the folder of each run`);
}
