import type { Report, VariantReport } from '../../contracts/report.ts';
import { classChart, fitsHalfWidth } from '../plots/classes.ts';
import { legendOf } from '../plots/figure.ts';
import { details, note, section } from './elements.ts';
import { html, type Markup } from './markup.ts';

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
