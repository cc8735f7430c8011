import type { Report, VariantReport } from '../../contracts/report.ts';
import { count, duration, interval, percent } from '../format.ts';
import { attackFigure } from '../plots/attacks.ts';
import type { Figure } from '../plots/figure.ts';
import { thresholdFigure } from '../plots/threshold.ts';
import { details, section, table } from './elements.ts';
import { html, type Markup } from './markup.ts';

/** Accuracy against the threshold, where the run sweeps it. */
export function sweepSection(report: Report): Markup | null {
  const drawing = thresholdFigure(report);
  if (report.sweep === null || drawing === null) return null;
  // A flat sweep is flagged at the top already.
  const found = report.sweep.flat ? '' : `${report.sweep.message} `;
  const caption = `${found}Shaded: 95% intervals. Dashed: the undefended model, clean and robust.`;
  return section('Accuracy against the threshold', figureOf(drawing, caption));
}

/** What each attack took, and what it cost. */
export function attackSection(report: Report): Markup {
  const caption =
    'Each attack sees only what those before it left, so lines fall; after the last it is the robust accuracy.';
  return section(
    'After each attack',
    figureOf(attackFigure(report), caption),
    details('Numbers and cost', costTable(report)),
  );
}

function figureOf({ svg, legend }: Figure, caption: string): Markup {
  return html`<figure>\n${legend}\n${svg}\n<figcaption>${caption}</figcaption>\n</figure>\n`;
}

function costTable({ variants }: Report): Markup {
  const columns = ['Variant', 'Attack', 'Left', '95%', 'Broken', 'Time', 'Forwards', 'Gradients'];
  return table({ label: 'Accuracy left and cost of each attack', columns, rows: variants.flatMap(costRows) });
}

function costRows({ id, attacks }: VariantReport) {
  return attacks.map((row) => [
    ...[id, row.attack, percent(row.robustAccuracy), interval(row.interval), count(row.broken)],
    ...[duration(row.seconds), count(row.forwards), count(row.gradients)],
  ]);
}
