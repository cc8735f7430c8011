import { SWEEP_MEASURES, type SweepReport } from '../contracts/sweep-report.ts';
import { standaloneSvg } from './plots/standalone.ts';
import { sweepDrawing } from './plots/sweep.ts';
import { sweepHtml } from './sweep-html.ts';
import { sweepCsv, sweepMarkdown } from './sweep-tables.ts';
import { MEASURE_NAMES, MEASURE_TITLES } from './sweep-words.ts';

/** Every file of a sweep's report by name, sweep.json last: it is what says "finished". Equal reports give equal bytes. */
export function sweepFiles(report: SweepReport): ReadonlyMap<string, string> {
  const drawings = SWEEP_MEASURES.map((measure): [string, string] => {
    const drawing = sweepDrawing(report, measure, MEASURE_TITLES[measure]);
    return [`sweep.${MEASURE_NAMES[measure]}.svg`, standaloneSvg(drawing)];
  });
  return new Map([
    ['sweep.csv', sweepCsv(report)],
    ['sweep.md', sweepMarkdown(report)],
    ...drawings,
    ['sweep.html', sweepHtml(report)],
    ['sweep.json', `${JSON.stringify(report, null, 1)}\n`],
  ]);
}
