import type { CustomSeriesOption } from 'echarts';
import type { Report } from '../../schemas/report.ts';
import { html, type Markup } from '../page/markup.ts';
import { renderChart } from './chart.ts';
import { categoryAxis, INK, shorten } from './theme.ts';

type RankingMethod = Report['ranking']['methods'][number];

/** Beyond this many classes a cell is hardly a pixel and the drawing larger than the rest of the report. */
export const MOST_CLASSES_DRAWN = 200;
/** Up to this many classes a number fits into a cell, and two drawings side by side. */
const NUMBERED_CLASSES = 14;
/** Cells paler than this cannot be told from none. */
const FAINTEST = 0.005;
/** Full overlap is this opaque, so that numbers stay readable. */
const STRONGEST = 0.75;

/** True where the drawings of two rankings fit side by side. */
export function fitsHalfWidth({ overlap }: RankingMethod): boolean {
  return overlap.length <= NUMBERED_CLASSES;
}

/**
 * Overlap of the classes' top-k units. The matrix is symmetric with ones on its diagonal, so the triangle below says
 * it all. Strength of colour is opacity, which suits light and dark pages alike.
 */
export function overlapChart(method: RankingMethod, classNames: readonly string[], place: number): Markup {
  const { overlap } = method;
  const half = fitsHalfWidth(method);
  const names = overlap.map((_, index) => shorten(classNames[index] ?? `class ${index}`));
  const interval = Math.ceil(names.length / 40) - 1;
  const side = half ? 428 : 760;
  const title = `Overlap of important units between classes, ranking ${method.method}`;
  const svg = renderChart(
    {
      id: `overlap-${place}`,
      width: side,
      height: half ? 400 : 740,
      title,
      description: `Jaccard overlap of the units of each two classes; ${method.meanOverlap.toFixed(2)} on average.`,
    },
    {
      grid: { left: 88, right: 8, top: 0, bottom: 80 },
      xAxis: categoryAxis(names, { rotate: 45, interval }),
      yAxis: { ...categoryAxis(names, { interval }), inverse: true },
      series: [triangle(overlap, half)],
    },
  );
  // A second drawing for phones would be as large as the rest of the page: this one scrolls there.
  return half
    ? svg
    : html`<div class="scroll" role="region" aria-label="${title}" tabindex="0">\n<div class="least">${svg}</div>\n</div>`;
}

function triangle(overlap: RankingMethod['overlap'], numbered: boolean): CustomSeriesOption {
  const cells = overlap.flatMap((row, y) => row.slice(0, y).map((value, x): [number, number, number] => [x, y, value]));
  const drawn = cells.filter(([, , value]) => numbered || value >= FAINTEST);
  return {
    type: 'custom',
    silent: true,
    data: drawn,
    renderItem: ({ dataIndex }, api) => {
      const [x, y, value] = drawn[dataIndex]!;
      const [centreX = 0, centreY = 0] = api.coord([x, y]);
      const [width = 0, height = 0] = [api.size?.([1, 1])].flat();
      const gap = numbered ? 2 : 0;
      const shape = {
        x: centreX - width / 2,
        y: centreY - height / 2,
        width: width - gap,
        height: height - gap,
        r: gap,
      };
      const rect = { type: 'rect', shape, style: { fill: 'var(--robust)', opacity: STRONGEST * value } } as const;
      return numbered ? { type: 'group', children: [rect, number(centreX, centreY, value)] } : rect;
    },
  };
}

/** ".36" */
function number(x: number, y: number, value: number) {
  const text = value.toFixed(2).replace(/^0/, '');
  return {
    type: 'text',
    style: {
      x: x - 1,
      y: y - 1,
      text,
      fill: INK,
      fontSize: 11,
      fontFamily: 'inherit',
      align: 'center',
      verticalAlign: 'middle',
    },
  } as const;
}
