import type { Report } from '../contracts/report.ts';
import { attackColumns } from './attack-columns.ts';
import { alignColumns } from './columns.ts';
import { interval, percent } from './format.ts';
import { noticesOf } from './notices.ts';
import { PUBLISHED_COLUMNS, publishedCells } from './published.ts';

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
  return `${plain([header, ...rows])}${publishedTable(report)}${footer}`;
}

function publishedTable({ published }: Report): string {
  if (published === null || published.rows.length === 0) return '';
  return `\n${published.source}\n${plain([PUBLISHED_COLUMNS, ...published.rows.map(publishedCells)])}`;
}

function plain(rows: readonly (readonly string[])[]): string {
  return alignColumns(rows)
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
    .join('');
}
