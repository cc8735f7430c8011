import type { Command } from 'commander';
import { InputError } from '../../errors.ts';
import { reportJsonSchema } from '../../report/data-files.ts';
import { list } from '../../report/format.ts';
import { reportTable } from '../../report/table.ts';
import { decodePlan, type Plan } from '../../runs/planning/plan.ts';
import { writeRobustBench } from '../../runs/robustbench.ts';
import { writeReport } from '../../runs/write-report.ts';
import { runKeys } from '../../schemas/keys.ts';
import { parameterSweepReportSchema } from '../../schemas/parameter-sweep.ts';
import { readRecord } from '../../schemas/parse-record.ts';
import { rankingsFolder } from '../execution-context.ts';
import { refuseIdle } from '../idle-flags.ts';
import { notNegative } from '../numbers.ts';
import { addJson, printJson } from '../output.ts';
import { print, type StorageLocation, storageLocation } from '../storage-location.ts';

interface ReportFlags {
  readonly rankings: string;
  readonly schema?: true;
  readonly robustbench?: true;
  readonly variant?: string;
  readonly pricePerHour?: number;
  readonly json?: boolean;
}

export function define(command: Command): void {
  addJson(command)
    .argument('[dir]', 'folder of the run, or s3://bucket/prefix')
    .option('--rankings <dir>', 'folder where rankings are kept', rankingsFolder())
    .option('--robustbench', "write entries for RobustBench's model_info as well: robustbench.<variant>.json")
    .option('--variant <id>', 'the entry of this variant alone')
    .option(
      '--price-per-hour <amount>',
      'of one worker, in dollars: the report then says what the run cost',
      notNegative,
    )
    .option('--schema', 'print the JSON schema of report.json instead')
    .action(report);
}

async function report(dir: string | undefined, flags: ReportFlags): Promise<void> {
  refuseIdle(flags, [
    {
      flags: ['robustbench', 'variant', 'pricePerHour', 'json'],
      when: flags.schema === true,
      why: 'is of a run, which --schema is not about',
    },
  ]);
  if (flags.schema === true && dir !== undefined)
    throw new InputError('--schema is the same for all runs: leave the folder out');
  if (flags.schema === true) return print(reportJsonSchema().trimEnd());
  if (dir === undefined) throw new InputError('give the folder of a run');
  if (flags.variant !== undefined && flags.robustbench !== true)
    throw new InputError('--variant goes with --robustbench: the report itself is about all variants');
  const [runs, ranked] = await Promise.all([storageLocation(dir), storageLocation(flags.rankings)]);
  const plan = await planOf(runs);
  if (flags.variant !== undefined) requireVariant(plan, flags.variant);
  const written = await writeReport(plan, runs.store, ranked.store, { pricePerHour: flags.pricePerHour });
  printJson(written);
  print(reportTable(written));
  print(`report: ${runs.where('report.html')}`);
  if (flags.robustbench !== true) return;
  const entries = await writeRobustBench(written, plan, runs.store, flags.variant);
  for (const { key } of entries) print(`robustbench: ${runs.where(key)}`);
  const unknown = [...new Set(entries.flatMap((entry) => entry.unknown))];
  print(`left null, for you to fill in: ${unknown.join(', ')}`);
  if (unknown.includes('autoattack_acc'))
    print(
      'autoattack_acc is among them: the suite is not AutoAttack\'s "standard" or "plus"; the footnote says what it is',
    );
}

/** Throws InputError where the run has no such variant. */
export function requireVariant({ config: { variants } }: Plan, id: string): void {
  if (variants.some((variant) => variant.id === id)) return;
  throw new InputError(`the run has no variant "${id}"; it has ${list(variants.map((variant) => variant.id))}`);
}

/** Throws InputError where the place holds no run. */
export async function planOf({ store, where }: StorageLocation): Promise<Plan> {
  const bytes = await store.get(runKeys.plan);
  if (bytes === undefined) throw new InputError(await noRunText(store, where('')));
  return decodePlan(bytes, where(runKeys.plan));
}

/** A sweep has a run in each of its folders. */
async function noRunText(store: StorageLocation['store'], place: string): Promise<string> {
  const swept = await readRecord(store, runKeys.sweepReport, parameterSweepReportSchema).catch(() => undefined);
  if (swept === undefined) return `${place} holds no run: there is no ${runKeys.plan} in it`;
  return `${place} holds a parameter sweep, not a run: give one of its folders, ${list(swept.runs.map(({ folder }) => folder))}`;
}
