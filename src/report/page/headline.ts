import { SIGNIFICANCE } from '../../numeric/statistics.ts';
import type { Report, Share, VariantReport } from '../../schemas/report.ts';
import { corruptionLegend } from '../corruption.ts';
import { interval, percent, points, pValue } from '../format.ts';
import { pValueOf } from '../summary/comparisons.ts';
import { html, type Markup, note, section, table } from './markup.ts';

const MEASURES = [
  { name: 'Clean', colour: 'var(--clean)', of: ({ clean }: VariantReport) => clean },
  { name: 'Robust', colour: 'var(--robust)', of: ({ robust }: VariantReport) => robust },
  { name: 'Worst case', colour: 'var(--worst)', of: ({ worstCase }: VariantReport) => worstCase },
];

/** The numbers most readers come for, as a table with a picture of the intervals beside it. */
export function headline(report: Report): Markup {
  const { variants } = report;
  const corrupted = corruptionLegend(report);
  const measures = MEASURES.map(({ name, colour }) => html`<span class="key" style="color:${colour}"></span>${name}`);
  const rows = variants.map((variant) => {
    const shares = MEASURES.map(({ of }) => shareCell(of(variant)));
    return [variant.id, ...shares, ranges(variant), variant.flags.length || null];
  });
  return section(
    'Results',
    table({
      label: 'Clean, robust and worst-case accuracy',
      columns: ['Variant', ...measures, scale(), 'Flags'],
      rows,
      className: 'results',
    }),
    note(
      'Accuracy with its 95% Wilson interval. Robust: right on the clean image, and no attack of the suite broke it. ' +
        'Worst case: nor did an adversarial example made on any other variant.',
    ),
    corrupted === null ? null : note(corrupted),
  );
}

function shareCell(share: Share): Markup {
  return html`${percent(share.accuracy)}<span class="interval">${interval(share.interval)}</span>`;
}

const WIDTH = 220;
const MARGIN = 6;
/** As high as a row, so that the grid runs through. */
const HEIGHT = 54;

function x(share: number): string {
  return (MARGIN + share * (WIDTH - 2 * MARGIN)).toFixed(1);
}

/** The axis of the pictures below it; its end labels lie inside. */
function scale(): Markup {
  const label = (at: string | number, anchor: string, text: string) =>
    html`<text x="${at}" y="12" text-anchor="${anchor}">${text}</text>`;
  const labels = [label(0, 'start', '0%'), label(x(0.5), 'middle', '50%'), label(WIDTH, 'end', '100%')];
  return html`<svg class="scale" width="${WIDTH}" height="16" viewBox="0 0 ${WIDTH} 16" aria-hidden="true" font-size="11" fill="var(--muted)">${labels}</svg>`;
}

/** Each measure as a dot on its interval; hidden from screen readers, who have the numbers. */
function ranges(variant: VariantReport): Markup {
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) => html`<line x1="${x(share)}" x2="${x(share)}" y1="0" y2="${HEIGHT}" stroke="var(--line)"/>`,
  );
  const dots = MEASURES.map(({ of, colour }, place) => dot(of(variant), 16 + 11 * place, colour));
  return html`<svg class="ranges" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">${grid}${dots}</svg>`;
}

function dot({ accuracy, interval: [low, high] }: Share, y: number, colour: string): Markup {
  const whisker = html`<line x1="${x(low)}" x2="${x(high)}" y1="${y}" y2="${y}" stroke="${colour}" stroke-width="2" stroke-opacity="0.45" stroke-linecap="round"/>`;
  return html`${whisker}<circle cx="${x(accuracy)}" cy="${y}" r="3.5" fill="${colour}"/>`;
}

/** The run in two sentences: what the model holds, and what the best defence really adds to that. */
export function verdictSentence({ variants, comparisons, dataset }: Report): string {
  const images = dataset.corruption === undefined ? 'clean' : 'corrupted';
  const base = variants.find(({ mask }) => mask === 'none');
  const defences = variants.filter((variant) => variant !== base);
  const best = defences.toSorted((a, b) => b.worstCase.accuracy - a.worstCase.accuracy)[0];
  if (base === undefined) return best === undefined ? '' : `${best.id} ${holds(best, images)}.`;
  const undefended = `Undefended, the model ${holds(base, images)}.`;
  if (best === undefined) return undefended;
  // The best of several looks good by chance the more there are: Bonferroni's correction.
  const p = Math.min(1, defences.length * pValueOf(comparisons, 'worst-case', base.id, best.id));
  const evidence = `${pValue(p)}${defences.length > 1 ? ` for the best of ${defences.length}` : ''}`;
  const gain = `${points(best.worstCase.accuracy - base.worstCase.accuracy)} points`;
  return (
    `${undefended} In the worst case the best defence, ${best.id}, holds ${percent(best.worstCase.accuracy)} against ` +
    `${percent(base.worstCase.accuracy)}: ${gain}${p < SIGNIFICANCE ? '' : ', which chance may explain'} (${evidence}).`
  );
}

function holds({ clean, robust }: VariantReport, images: string): string {
  return `classifies ${percent(clean.accuracy)} of ${images} images and ${percent(robust.accuracy)} under attack`;
}
