import { html, type Markup } from '../page/markup.ts';
import type { Stroke } from './theme.ts';

/** A drawing and what its marks mean. */
export interface Figure {
  readonly svg: Markup;
  readonly legend: Markup;
}

/** A drawing whose legend is still data: for a page, or for a file of its own. */
export interface Drawing {
  readonly svg: Markup;
  readonly entries: readonly LegendEntry[];
}

export interface LegendEntry {
  readonly name: string;
  readonly stroke: Stroke;
  readonly mark?: 'line' | 'dashed' | 'block' | 'tick';
}

/** A legend in HTML: unlike one inside a drawing it wraps, and can be read aloud. */
export function legendOf(entries: readonly LegendEntry[]): Markup {
  const items = entries.map(({ name, stroke: { colour, opacity }, mark = 'line' }) => {
    const style = `color:${colour};opacity:${opacity.toFixed(2)}`;
    return html`<li><span class="swatch ${mark}" style="${style}"></span>${name}</li>`;
  });
  return html`<ul class="legend">${items}</ul>\n`;
}
