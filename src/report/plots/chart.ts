import type { EChartsOption } from 'echarts';
import { BarChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { escapeHtml, type Markup, trusted } from '../page/markup.ts';

use([BarChart, CustomChart, GridComponent, LineChart, ScatterChart, SVGRenderer]);

export interface ChartFrame {
  /** Unique on the page: names the title, the description and clip paths. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** What a screen reader says in place of the picture. */
  readonly title: string;
  readonly description: string;
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
