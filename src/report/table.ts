import { SIGNIFICANCE } from '../numeric/statistics.ts';
import type { Comparison, Report, Share, VariantReport } from '../schemas/report.ts';
import { auditLines } from './audit.ts';
import { corruptionLegend } from './corruption.ts';
import { noticesOf } from './flags.ts';
import { interval, percent } from './format.ts';
import { PUBLISHED_COLUMNS, publishedCells } from './published.ts';

/** Pads cells so that columns line up in a fixed-width font: names, in the first column, to the left, numbers to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string[][] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => row.map(pad));
}

/** Accuracy as one attack, or one group of attacks that begins with all images, leaves it. */
export interface AttackColumn {
  /** "apgd-t", or the group's name. */
  readonly name: string;
  /** "after apgd-t": of a sequence; "under apgd-t": on all images. */
  readonly label: string;
  readonly accuracy: number;
  readonly interval: Share['interval'];
}

/** One column an attack where they run in sequence, else one a group: what its last attack left. */
export function attackColumns({ attacks }: Pick<VariantReport, 'attacks'>): AttackColumn[] {
  const groups = new Map(attacks.map((attack) => [attack.group, attack]));
  const isSequence = groups.size <= 1;
  const shown = isSequence ? attacks : [...groups.values()];
  return shown.map(({ attack, group, robustAccuracy, interval }) => {
    const name = isSequence ? attack : group;
    return { name, label: `${isSequence ? 'after' : 'under'} ${name}`, accuracy: robustAccuracy, interval };
  });
}

/** The table at the end of `igd run`: plain text, one line a variant; published numbers below it. */
export function reportTable(report: Report): string {
  const { variants } = report;
  const suite = variants.slice(0, 1).flatMap(attackColumns);
  const header = ['variant', 'clean', 'robust', '95%', ...suite.map(({ name }) => name), 'worst case', 'flags'];
  const rows = variants.map((variant) => [
    variant.id,
    percent(variant.clean.accuracy),
    percent(variant.robust.accuracy),
    interval(variant.robust.interval),
    ...attackColumns(variant).map(({ accuracy }) => percent(accuracy)),
    percent(variant.worstCase.accuracy),
    variant.flags.length === 0 ? '' : String(variant.flags.length),
  ]);
  const notices = noticesOf(report).length;
  const footer =
    notices === 0 ? '' : `\n${notices === 1 ? 'A flag needs' : `${notices} flags need`} reading: report.md\n`;
  const corrupted = corruptionLegend(report);
  const legend = corrupted === null ? '' : `\n${corrupted}\n`;
  return `${tableText([header, ...rows])}${legend}${audits(report)}${publishedTable(report)}${footer}`;
}

function audits(report: Report): string {
  const lines = auditLines(report);
  const width = Math.max(...lines.map(({ id }) => id.length));
  return lines.length === 0 ? '' : `\naudit\n${lines.map(({ id, text }) => `${id.padEnd(width)}  ${text}\n`).join('')}`;
}

function publishedTable({ published }: Report): string {
  if (published === null || published.rows.length === 0) return '';
  return `\n${published.source}\n${tableText([PUBLISHED_COLUMNS, ...published.rows.map(publishedCells)])}`;
}

/** Rows as lines of text, columns below each other. */
export function tableText(rows: readonly (readonly string[])[]): string {
  return alignColumns(rows)
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
    .join('');
}

/** Two variants compared under every measure, as a row of a table. */
export interface Pair {
  readonly a: string;
  readonly b: string;
  readonly measures: readonly Difference[];
}

export interface Difference {
  readonly measure: Comparison['measure'];
  /** Accuracy of b less that of a. */
  readonly difference: number;
  readonly pValue: number;
  readonly significant: boolean;
}

/** The comparisons of a report, one row for two variants. */
export function pairsOf({ comparisons, run }: Report): Pair[] {
  const pairs = new Map<string, Pair & { measures: Difference[] }>();
  for (const { a, b, measure, onlyA, onlyB, pValue } of comparisons) {
    const key = JSON.stringify([a, b]);
    const pair = pairs.get(key) ?? { a, b, measures: [] };
    pairs.set(key, pair);
    const difference = (onlyB - onlyA) / run.images;
    pair.measures.push({ measure, difference, pValue, significant: pValue < SIGNIFICANCE });
  }
  return [...pairs.values()];
}
