import type { CustomSeriesOption, LineSeriesOption } from 'echarts';
import type { Share, VariantReport } from '../../schemas/report.ts';
import { html, type Markup } from '../page/markup.ts';

/** Colours are CSS variables of the page: one SVG serves light, dark and paper. */
export const INK = 'var(--ink)';
export const MUTED = 'var(--muted)';
export const LINE = 'var(--line)';

export interface Stroke {
  readonly colour: string;
  readonly opacity: number;
}

const VARIANT_COLOURS: Readonly<Record<string, string>> = {
  none: 'var(--none)',
  'two-pass': 'var(--two-pass)',
  loir: 'var(--loir)',
  cdir: 'var(--cdir)',
  random: 'var(--random)',
};

/** A variant looks the same in every plot; thresholds share a hue, stronger as they rise. */
export function strokeOf(
  { id, threshold }: Pick<VariantReport, 'id' | 'threshold'>,
  variants: readonly Pick<VariantReport, 'threshold'>[],
): Stroke {
  if (threshold === undefined) return { colour: VARIANT_COLOURS[id] ?? INK, opacity: 1 };
  const thresholds = variants.flatMap((variant) => variant.threshold ?? []).sort((a, b) => a - b);
  const rank = thresholds.length < 2 ? 1 : thresholds.indexOf(threshold) / (thresholds.length - 1);
  return { colour: 'var(--conf)', opacity: 0.4 + 0.6 * rank };
}

export const AXIS_LABEL = { color: MUTED, fontSize: 12 };
const HIDDEN = { show: false };

/** From 0: a cut axis would make small differences look large. Ends at the ten above the highest share. */
export function percentAxis(highest: number) {
  return {
    type: 'value',
    min: 0,
    max: Math.min(100, 10 * Math.ceil(10 * highest + 0.1)),
    axisLine: HIDDEN,
    axisTick: HIDDEN,
    axisLabel: { ...AXIS_LABEL, formatter: '{value}%' },
    splitLine: { lineStyle: { color: LINE } },
  } as const;
}

export function categoryAxis(names: readonly string[], label: { rotate?: number; interval?: number } = {}) {
  return {
    type: 'category' as const,
    data: [...names],
    axisLine: { show: true, lineStyle: { color: LINE } },
    axisTick: HIDDEN,
    axisLabel: { ...AXIS_LABEL, ...label },
  };
}

/** A line with a dot at each point, [x, percent]. */
export function line(
  points: readonly (readonly [number | string, number])[],
  { colour, opacity }: Stroke,
): LineSeriesOption {
  return {
    type: 'line',
    silent: true,
    emphasis: { disabled: true },
    data: points.map((point) => [...point]),
    symbol: 'circle',
    symbolSize: 6,
    itemStyle: { color: colour, opacity, borderWidth: 0 },
    lineStyle: { color: colour, opacity, width: 2 },
  };
}

/** The area between the ends of intervals, behind a line. */
export function band(
  points: readonly { readonly x: number; readonly interval: Share['interval'] }[],
  colour: string,
): CustomSeriesOption {
  const ends = [
    ...points.map(({ x, interval: [low] }) => [x, 100 * low]),
    ...points.toReversed().map(({ x, interval: [, high] }) => [x, 100 * high]),
  ];
  return {
    type: 'custom',
    silent: true,
    z: 1,
    data: [0],
    renderItem: (_, api) => ({
      type: 'polygon',
      shape: { points: ends.map((end) => api.coord(end)) },
      style: { fill: colour, opacity: 0.12 },
    }),
  };
}

const NAME_LENGTH = 16;

/** A class name that fits beside an axis. */
export function shorten(name: string): string {
  return name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 1)}…`;
}

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
  readonly mark?: 'line' | 'dashed' | 'block' | 'tick' | 'ring';
}

/** A legend in HTML: unlike one inside a drawing it wraps, and can be read aloud. */
export function legendOf(entries: readonly LegendEntry[]): Markup {
  const items = entries.map(({ name, stroke: { colour, opacity }, mark = 'line' }) => {
    const style = `color:${colour};opacity:${opacity.toFixed(2)}`;
    return html`<li><span class="swatch ${mark}" style="${style}"></span>${name}</li>`;
  });
  return html`<ul class="legend">${items}</ul>\n`;
}
