import type { EChartsOption } from 'echarts';
// The one file of it: its modules, by the hundred, take eight times as long to load.
import { init } from 'echarts/dist/echarts.esm.min';
import { escapeHtml, html, type Markup, trusted } from '../page/markup.ts';
import { PALETTE } from '../page/style.ts';
import type { Drawing, LegendEntry } from './theme.ts';

export interface ChartFrame {
  /** Unique on the page: names the title, the description and clip paths. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** What a screen reader says in place of the picture. */
  readonly title: string;
  readonly description: string;
}

/** A chart for a page's column, or for a phone, where the wide one's letters would shrink until nobody can read them. */
export interface ChartSize {
  readonly isNarrow: boolean;
  /** `wide` is the chart's own width. */
  width(wide: number): number;
  /** Unique on a page that has both. */
  id(id: string): string;
}

/** CSS pixels: on a phone of 390 its letters are as large as they say, nearly. */
const NARROW_WIDTH = 380;

const WIDE: ChartSize = { isNarrow: false, width: (wide) => wide, id: (id) => id };
const NARROW: ChartSize = { isNarrow: true, width: () => NARROW_WIDTH, id: (id) => `${id}-narrow` };

/** The same chart in both sizes. */
export interface SizedChart {
  readonly svg: Markup;
  readonly narrow: Markup;
}

export function drawSizes(draw: (size: ChartSize) => Markup): SizedChart {
  return { svg: draw(WIDE), narrow: draw(NARROW) };
}

/** Both on a page, whose style shows one. */
export function onPage({ svg, narrow }: SizedChart): Markup {
  return html`<div class="wide-chart">${svg}</div>\n<div class="narrow-chart">${narrow}</div>`;
}

/** Draws a chart as inline SVG: static, without scripts or outside resources, equal bytes for equal options. */
export function renderChart(frame: ChartFrame, option: EChartsOption): Markup {
  const { width, height } = frame;
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit' }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return trusted(describe(makeStatic(svg, frame.id), frame));
}

/**
 * echarts counts its charts and puts the count into ids, and adds hover styles and hooks for scripts: what is left after
 * this depends on the chart alone. Texts have their quotes escaped, so what matches is never a text.
 */
function makeStatic(svg: string, id: string): string {
  return svg
    .replaceAll(/<style[^>]*>.*?<\/style>/gs, '')
    .replaceAll(/ (?:class|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
    .replaceAll(/(?<= id="|="url\(#)zr\d+-/g, `${id}-`)
    .replaceAll(/<(rect|path)([^>]*)><\/\1>/g, '<$1$2/>')
    .replace(/<rect [^>]*fill="none"\/>\n/, '');
}

function describe(svg: string, { id, width, title, description }: ChartFrame): string {
  const attributes = `role="img" aria-labelledby="${id}-title ${id}-desc" style="max-width:${width}px"`;
  const names = `<title id="${id}-title">${escapeHtml(title)}</title><desc id="${id}-desc">${escapeHtml(description)}</desc>`;
  const start = svg.indexOf('>') + 1;
  return `${svg.slice(0, start).replace('<svg', `<svg ${attributes}`)}${names}${svg.slice(start)}`;
}

/** Pixels: the row of the legend, a swatch, and the room a character takes in its text, generously. */
const ROW = 28;
const SWATCH = 14;
const CHARACTER = 7.5;

/** A chart as a file of its own: with the colours and the legend that its page has otherwise. */
export function standaloneSvg({ svg, entries }: Drawing): string {
  const [, width = '0', height = '0'] = /^<svg [^>]*?width="(\d+)" height="(\d+)"/.exec(svg.text) ?? [];
  const rows = legendRows(entries, Number(width));
  const taller = Number(height) + ROW * rows.length;
  const text = svg.text
    .replace(`height="${height}"`, `height="${taller}"`)
    .replace(`viewBox="0 0 ${width} ${height}"`, `viewBox="0 0 ${width} ${taller}"`);
  const start = text.indexOf('>') + 1;
  const style = `<style>${PALETTE}svg { background: var(--page); font-family: sans-serif; }\n</style>`;
  const legend = rows.flatMap((row, index) => row.map((item) => legendItem(item, Number(height) + ROW * index)));
  return `${text.slice(0, start)}${style}${text.slice(start).replace(/<\/svg>\s*$/, '')}${legend.join('')}</svg>\n`;
}

interface LegendItem extends LegendEntry {
  readonly x: number;
}

/** Entries from left to right, as many to a row as fit. */
function legendRows(entries: readonly LegendEntry[], width: number): LegendItem[][] {
  const rows: LegendItem[][] = [];
  let x = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const needed = SWATCH + 8 + CHARACTER * entry.name.length + 20;
    if (x + needed > width) {
      rows.push([]);
      x = 16;
    }
    rows.at(-1)?.push({ ...entry, x });
    x += needed;
  }
  return rows;
}

function legendItem({ name, stroke: { colour, opacity }, x }: LegendItem, y: number): string {
  const swatch = `<rect x="${x}" y="${y + 6}" width="${SWATCH}" height="10" fill="${colour}" opacity="${opacity.toFixed(2)}"/>`;
  const label = `<text x="${x + SWATCH + 8}" y="${y + 16}" fill="var(--muted)" font-size="13">${escapeHtml(name)}</text>`;
  return `${swatch}${label}`;
}
