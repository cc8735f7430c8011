import type { PublishedRow, Report, VariantReport } from '../../schemas/report.ts';
import { count, duration, interval, percent, points, pValue } from '../format.ts';
import { attackFigure } from '../plots/attacks.ts';
import { classChart, fitsHalfWidth } from '../plots/classes.ts';
import { type Figure, legendOf } from '../plots/theme.ts';
import { thresholdFigure } from '../plots/threshold.ts';
import { measuredText, measureText, publishedRemarks } from '../published.ts';
import { type Difference, type Pair, pairsOf } from '../table.ts';
import { type Content, details, html, type Markup, note, section, table } from './markup.ts';

/** Accuracy against the confidence threshold, where the run has several. */
export function thresholdSection(report: Report): Markup | null {
  const drawing = thresholdFigure(report);
  if (report.sweep === null || drawing === null) return null;
  // That thresholds change nothing is flagged at the top already.
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

/** Every variant evaluated on every variant's adversarial examples: a heat-map that is a table. */
export function transferSection({ variants }: Report): Markup | null {
  if (variants.length < 2) return null;
  const highest = Math.max(...variants.flatMap(({ transfer }) => transfer.map(({ accuracy }) => accuracy)));
  const columns = ['Judged \\ examples of', ...variants.map(({ id }) => id)];
  const rows = variants.map(({ id, transfer }) => [
    id,
    ...transfer.map(({ source, accuracy }) => heatCell(accuracy, highest, source === id)),
  ]);
  return section(
    'Transfer',
    table({ label: 'Accuracy of each variant on the adversarial examples of each', columns, rows, className: 'heat' }),
    note(
      "Accuracy of the row on the adversarial examples made on the column, and on the clean image where that attack failed. Outlined: a variant's own examples. " +
        'A row that falls away from the diagonal has its robustness from hiding gradients.',
    ),
  );
}

/** The strongest cell is half the hue, so that text stays readable on it. */
const FULL_HEAT = 50;

function heatCell(accuracy: number, highest: number, own: boolean): Markup {
  const heat = highest === 0 ? 0 : (FULL_HEAT * accuracy) / highest;
  return html`<span class="${own ? 'own cell' : 'cell'}" style="--heat:${heat.toFixed(0)}%">${percent(accuracy)}</span>`;
}

/** More pairs than this are folded away, but for those with the first variant. */
const PAIRS_SHOWN = 12;

/** Every two variants on the same images. */
export function comparisonSection(report: Report): Markup | null {
  const pairs = pairsOf(report);
  if (pairs.length === 0) return null;
  const first = report.variants[0]?.id;
  const shown = pairs.length <= PAIRS_SHOWN ? pairs : pairs.filter(({ a }) => a === first);
  const folded = pairs.filter((pair) => !shown.includes(pair));
  return section(
    'Comparisons',
    pairTable(shown),
    folded.length === 0 ? null : details(`${folded.length} more pairs`, pairTable(folded)),
    note(
      `Difference in percentage points, and McNemar's exact two-sided p-value on the same ${count(report.run.images)} images. ` +
        'Strong: p < 0.05, not corrected for the number of comparisons.',
    ),
  );
}

function pairTable(pairs: readonly Pair[]): Markup {
  const rows = pairs.map(({ a, b, measures }) => [
    html`${b} <span class="faint">against</span> ${a}`,
    ...measures.map(differenceCell),
  ]);
  return table({ label: 'Differences between variants', columns: ['Pair', 'Clean', 'Robust', 'Worst case'], rows });
}

function differenceCell({ difference, pValue: p, significant }: Difference): Markup {
  return html`<span class="${significant ? 'strong' : 'faint'}">${points(difference)}</span><span class="interval">${pValue(p)}</span>`;
}

/** Panels shown at once; the rest unfold. */
const PANELS_SHOWN = 6;

/** Clean and robust accuracy class by class: a small chart for each variant. */
export function classSection({ variants }: Report): Markup {
  const base = variants.find(({ mask }) => mask === 'none');
  const panels = variants.map((variant, place) => panel(variant, base, place));
  const wide = variants.some((variant) => !fitsHalfWidth(variant));
  const grid = (items: readonly Markup[]) => html`<div class="${wide ? 'panels wide' : 'panels'}">\n${items}</div>\n`;
  const hidden = panels.slice(PANELS_SHOWN);
  return section(
    'Class by class',
    legendOf([
      { name: 'clean', mark: 'block', stroke: { colour: 'var(--clean-soft)', opacity: 1 } },
      { name: 'robust', mark: 'block', stroke: { colour: 'var(--robust)', opacity: 1 } },
      ...(base === undefined || variants.length === 1
        ? []
        : [{ name: `robust, ${base.id}`, mark: 'tick', stroke: { colour: 'var(--ink)', opacity: 1 } } as const]),
    ]),
    grid(panels.slice(0, PANELS_SHOWN)),
    hidden.length === 0 ? null : details(`${hidden.length} more variants`, grid(hidden)),
    note('With few images to a class, bars are uncertain: 100 images give an interval of about 20 points.'),
  );
}

function panel(variant: VariantReport, base: VariantReport | undefined, place: number): Markup {
  return html`<figure>\n<h3>${variant.id}</h3>\n${classChart(variant, base, place)}\n</figure>\n`;
}

/** Our numbers beside published ones; null where the config brings none. */
export function publishedSection({ published }: Report): Markup | null {
  if (published === null) return null;
  const columns = ['Variant', 'Measure', 'Published', 'Ours', 'Difference', 'Published within ours'];
  return section(
    'Published numbers',
    html`<p>${published.source}</p>\n`,
    published.rows.length === 0
      ? null
      : table({ label: 'Published numbers and ours', columns, rows: published.rows.map(cells) }),
    publishedRemarks(published).map(note),
    published.rows.length === 0
      ? null
      : note('Accuracy; ours with its 95% Wilson interval. Difference: ours less the published, in percentage points.'),
  );
}

function cells(row: PublishedRow): Content[] {
  return [
    row.variant,
    measureText(row),
    measuredText(row, row.published),
    html`${measuredText(row, row.ours)}<span class="interval">${interval(row.interval)}</span>`,
    html`<span class="${row.within ? 'faint' : 'strong'}">${points(row.difference)}</span>`,
    row.within ? 'yes' : 'no',
  ];
}
