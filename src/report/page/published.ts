import type { PublishedRow, Report } from '../../contracts/report.ts';
import { interval, points } from '../format.ts';
import { measuredText, measureText, publishedRemarks } from '../published.ts';
import { note, section, table } from './elements.ts';
import { type Content, html, type Markup } from './markup.ts';

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
