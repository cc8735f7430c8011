import type { Report } from '../../contracts/report.ts';
import { count, points, pValue } from '../format.ts';
import { type Difference, type Pair, pairsOf } from '../pairs.ts';
import { details, note, section, table } from './elements.ts';
import { html, type Markup } from './markup.ts';

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
