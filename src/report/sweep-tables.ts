import { SWEEP_MEASURES, type SweepMeasure, type SweepReport } from '../contracts/sweep-report.ts';
import { alignColumns } from './columns.ts';
import { type Row, toCsv } from './csv.ts';
import { percent, shareText } from './format.ts';
import { escapeText, table } from './markdown.ts';
import { MEASURE_NAMES, MEASURE_TITLES } from './sweep-words.ts';

/** sweep.csv: a row for each value, variant and measure. */
export function sweepCsv({ key, runs }: SweepReport): string {
  const rows = runs.flatMap(({ value, variants }) =>
    variants.flatMap((variant) =>
      SWEEP_MEASURES.map((measure): Row => {
        const { accuracy, correct, interval } = variant[measure];
        return [key, value, variant.id, MEASURE_NAMES[measure], accuracy, correct, ...interval];
      }),
    ),
  );
  return toCsv(['key', 'value', 'variant', 'measure', 'accuracy', 'correct', 'interval_low', 'interval_high'], rows);
}

/** sweep.md */
export function sweepMarkdown(report: SweepReport): string {
  const tables = SWEEP_MEASURES.map((measure) => {
    const [columns, ...rows] = cells(report, measure, shareText);
    return [`## ${MEASURE_TITLES[measure]}`, '', table((columns ?? []).map(escapeText), rows)].join('\n');
  });
  return `${[`# ${escapeText(report.name)}: sweep over ${report.key}`, ...tables].join('\n\n')}\n`;
}

/** The table at the end of `igd run`: robust accuracy, a line a variant. */
export function sweepTable(report: SweepReport): string {
  return SWEEP_MEASURES.map((measure) => {
    const lines = alignColumns(cells(report, measure, ({ accuracy }) => percent(accuracy)));
    return `${MEASURE_TITLES[measure]}\n${lines.map((line) => `${line.join('  ').trimEnd()}\n`).join('')}`;
  }).join('\n');
}

/** Variants down, values across; the header first. */
export function cells(
  { key, runs }: SweepReport,
  measure: SweepMeasure,
  text: (share: SweepReport['runs'][number]['variants'][number][SweepMeasure]) => string,
): string[][] {
  const header = [key, ...runs.map(({ value }) => String(value))];
  const ids = runs[0]?.variants.map(({ id }) => id) ?? [];
  const rows = ids.map((id) => {
    const shares = runs.map(({ variants }) => variants.find((variant) => variant.id === id)?.[measure]);
    return [id, ...shares.map((share) => (share === undefined ? '' : text(share)))];
  });
  return [header, ...rows];
}
