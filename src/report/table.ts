import type { Report } from '../contracts/report.ts';
import { attackColumns } from './attack-columns.ts';
import { alignColumns } from './columns.ts';
import { interval, percent } from './format.ts';
import { noticesOf } from './notices.ts';

/** The table at the end of `igd run`: plain text, one line a variant. */
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
  const lines = alignColumns([header, ...rows]).map((cells) => `${cells.join('  ').trimEnd()}\n`);
  return `${lines.join('')}${footer}`;
}
