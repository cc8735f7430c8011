import type { Command } from 'commander';
import { type AnalysisReport, ATTACK_OUTCOMES, type PublishedShifts, UNIT_GROUPS } from '../../contracts/analysis.ts';
import { analysisSource } from '../../pipeline/analysis-plan.ts';
import { executeAnalysis } from '../../pipeline/analyze.ts';
import { GROUP_NAMES, OUTCOME_NAMES } from '../../report/analysis/words.ts';
import { alignColumns } from '../../report/columns.ts';
import { interval, percent } from '../../report/format.ts';
import { requireProvider } from '../../runtime/provider.ts';
import { addExecutionOptions, configOf, type ExecutionFlags, execute } from '../execution.ts';
import { readText, say } from '../files.ts';
import { placeOf } from '../places.ts';

export function addAnalyze(program: Command): void {
  const command = program
    .command('analyze')
    .description('how an attack moves the activations of a layer, and the loss around images, as "analysis" says')
    .argument('<config>', 'run config (.json)')
    .requiredOption('--out <dir>', 'folder of the analysis, or s3://bucket/prefix');
  addExecutionOptions(command).action(analyze);
}

async function analyze(path: string, flags: ExecutionFlags): Promise<void> {
  const written = configOf(await readText(path), path, flags.device);
  // As a worker reads it from the plan.
  const text = JSON.stringify(analysisSource(written.source, written.config));
  const { config, source } = configOf(text, path, undefined);
  await requireProvider(config.compute.device);
  const runs = await placeOf(flags.out);
  const report = await execute(flags, ({ optionsFor }) => executeAnalysis({ ...optionsFor(runs), config, source }));
  say(shiftText(report));
  if (report.published !== null) say(publishedText(report.published));
  say(`analysis: ${runs.where('analysis.html')}`);
}

/** The activation shift as a table of plain text. */
function shiftText({ shift }: AnalysisReport): string {
  const header = ['units', ...ATTACK_OUTCOMES.map((outcome) => `${OUTCOME_NAMES[outcome]} (${shift[outcome].images})`)];
  const rows = UNIT_GROUPS.map((group) => {
    const shifts = ATTACK_OUTCOMES.map((outcome) => shift[outcome].groups[group]?.shift ?? null);
    return [GROUP_NAMES[group], ...shifts.map((value) => (value === null ? '' : percent(value)))];
  });
  return plain([header, ...rows]);
}

function publishedText({ source, rows }: PublishedShifts): string {
  const lines = rows.map(({ outcome, group, published, ours, interval: range, within }) => [
    `${GROUP_NAMES[group]}, ${OUTCOME_NAMES[outcome]}`,
    percent(published),
    ours === null ? '' : percent(ours),
    range === null ? '' : interval(range),
    within === null ? '' : within ? 'yes' : 'no',
  ]);
  return `${source}\n${plain([['units', 'published', 'ours', '95%', 'within'], ...lines])}`;
}

function plain(rows: readonly (readonly string[])[]): string {
  return alignColumns(rows)
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
    .join('');
}
