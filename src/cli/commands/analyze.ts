import type { Command } from 'commander';
import { interval, percent } from '../../report/format.ts';
import { GROUP_NAMES, OUTCOME_NAMES } from '../../report/plots/shift.ts';
import { tableText } from '../../report/table.ts';
import { executeAnalysis } from '../../runs/analyze.ts';
import { analysisSource } from '../../runs/planning/analysis-plan.ts';
import { type AnalysisReport, ATTACK_OUTCOMES, type PublishedShifts, UNIT_GROUPS } from '../../schemas/analysis.ts';
import { testimonyText } from '../../schemas/testimony.ts';
import { sayAssumed } from '../assumptions.ts';
import { addExecutionOptions, configOf, type ExecutionFlags, execute, requireDevice } from '../execution-context.ts';
import { addJson, printJson } from '../output.ts';
import { print, readConfigJson, storageLocation } from '../storage-location.ts';

export function define(command: Command): void {
  command
    .argument('<config>', 'run config (.json, .jsonc, .yaml)')
    .requiredOption('--out <dir>', 'folder of the analysis, or s3://bucket/prefix');
  addJson(addExecutionOptions(command)).action(analyze);
}

async function analyze(path: string, flags: ExecutionFlags): Promise<void> {
  const written = configOf(await readConfigJson(path), path, flags.device);
  // As a worker reads it from the plan.
  const text = JSON.stringify(analysisSource(written.source, written.config));
  const { config, source } = configOf(text, path, undefined);
  await requireDevice(config.compute.device, flags.workers);
  const runs = await storageLocation(flags.out);
  const report = await execute(flags, ({ optionsFor }) => executeAnalysis({ ...optionsFor(runs), config, source }));
  printJson(report);
  print(shiftText(report));
  if (report.published !== null) print(publishedText(report.published));
  const { reading = [], testimony } = report.checkpoint;
  sayAssumed(reading);
  if (testimony !== undefined && testimony.outcome !== 'fits') print(`note: ${testimonyText(testimony)}`);
  print(`analysis: ${runs.where('analysis.html')}`);
}

/** The activation shift as a table of plain text. */
function shiftText({ shift }: AnalysisReport): string {
  const header = ['units', ...ATTACK_OUTCOMES.map((outcome) => `${OUTCOME_NAMES[outcome]} (${shift[outcome].images})`)];
  const rows = UNIT_GROUPS.map((group) => {
    const shifts = ATTACK_OUTCOMES.map((outcome) => shift[outcome].groups[group]?.shift ?? null);
    return [GROUP_NAMES[group], ...shifts.map((value) => (value === null ? '' : percent(value)))];
  });
  return tableText([header, ...rows]);
}

function publishedText({ source, rows }: PublishedShifts): string {
  const lines = rows.map(({ outcome, group, published, ours, interval: range, within }) => [
    `${GROUP_NAMES[group]}, ${OUTCOME_NAMES[outcome]}`,
    percent(published),
    ours === null ? '' : percent(ours),
    range === null ? '' : interval(range),
    within === null ? '' : within ? 'yes' : 'no',
  ]);
  return `${source}\n${tableText([['units', 'published', 'ours', '95%', 'within'], ...lines])}`;
}
