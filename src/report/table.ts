import type { Report } from '../contracts/report.ts';
import { alignColumns } from './columns.ts';
import { interval, percent } from './format.ts';
import { noticesOf } from './notices.ts';

/** The table at the end of `igd run`: plain text, one line a variant. */
export function reportTable(report: Report): string {
  const { variants } = report;
  const suite = variants[0]?.attacks.map(({ attack }) => attack) ?? [];
  const header = ['variant', 'clean', 'robust', '95%', ...suite, 'worst case', 'flags'];
  const rows = variants.map(({ id, clean, robust, attacks, worstCase, flags }) => [
    id,
    percent(clean.accuracy),
    percent(robust.accuracy),
    interval(robust.interval),
    ...attacks.map(({ robustAccuracy }) => percent(robustAccuracy)),
    percent(worstCase.accuracy),
    flags.length === 0 ? '' : String(flags.length),
  ]);
  const notices = noticesOf(report).length;
  const footer =
    notices === 0 ? '' : `\n${notices === 1 ? 'A flag needs' : `${notices} flags need`} reading: report.md\n`;
  const lines = alignColumns([header, ...rows]).map((cells) => `${cells.join('  ').trimEnd()}\n`);
  return `${lines.join('')}${footer}`;
}
