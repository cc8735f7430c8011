import type { CustomSeriesOption } from 'echarts';
import type { SurfaceResult } from '../../schemas/analysis.ts';
import { radius } from '../format.ts';
import { renderChart } from './chart.ts';
import { AXIS_LABEL, categoryAxis, type Drawing, type LegendEntry } from './theme.ts';

/** The highest loss of a set of panels is this opaque. */
const STRONGEST = 0.95;

const RIGHT = 'var(--robust)';
const WRONG = 'var(--worst)';

const ENTRIES: readonly LegendEntry[] = [
  { name: 'right', mark: 'block', stroke: { colour: RIGHT, opacity: 1 } },
  { name: 'wrong', mark: 'block', stroke: { colour: WRONG, opacity: 1 } },
];

/** The highest loss of some surfaces: panels that are to be compared share one scale. */
export function highestLoss(surfaces: readonly SurfaceResult[]): number {
  return surfaces.flatMap(({ loss }) => loss.flat()).reduce((a, b) => Math.max(a, b), 0);
}

/**
 * The loss around an image from above: the gradient's direction upwards, the random one to the right, the image in the
 * middle. The stronger a cell, the higher its loss; its colour says whether the model is right there.
 */
export function surfaceDrawing(surface: SurfaceResult, highest: number): Drawing {
  const { variant, image, loss, label, steps, prediction } = surface;
  const wrong = prediction.flat().filter((predicted) => predicted !== label).length;
  const losses = loss.flat();
  const names = steps.map((step) => (step === 0 ? '0' : `${step < 0 ? '\u2212' : ''}${radius(Math.abs(step))}`));
  const middle = (steps.length - 1) / 2;
  const isNamed = (index: number) => index % middle === 0;
  const axis = { ...categoryAxis(names), axisLabel: { ...AXIS_LABEL, interval: isNamed }, axisLine: { show: false } };
  const title = { ...AXIS_LABEL, padding: 0 };
  const svg = renderChart(
    {
      id: `surface-${image}-${variant.replaceAll(/[^\w-]/g, '-')}`,
      width: 428,
      height: 400,
      title: `Loss of ${variant} around image ${image}`,
      description:
        `Cross-entropy from ${Math.min(...losses).toFixed(2)} to ${Math.max(...losses).toFixed(2)}, ` +
        `${(loss[middle]?.[middle] ?? Number.NaN).toFixed(2)} at the image; wrong at ${wrong} of ${losses.length} points.`,
    },
    {
      grid: { left: 60, right: 16, top: 8, bottom: 52 },
      xAxis: { ...axis, name: 'random direction', nameLocation: 'middle', nameGap: 30, nameTextStyle: title },
      yAxis: { ...axis, name: 'sign of the gradient', nameLocation: 'middle', nameGap: 44, nameTextStyle: title },
      series: [cells(surface, highest)],
    },
  );
  return { svg, entries: ENTRIES };
}

function cells({ loss, prediction, label }: SurfaceResult, highest: number): CustomSeriesOption {
  const places = loss.flatMap((row, y) => row.map((_, x) => [x, y] as const));
  return {
    type: 'custom',
    silent: true,
    data: places.map((place) => [...place]),
    renderItem: ({ dataIndex }, api) => {
      const [x, y] = places[dataIndex]!;
      const [centreX = 0, centreY = 0] = api.coord([x, y]);
      const [width = 0, height = 0] = [api.size?.([1, 1])].flat();
      const share = highest === 0 ? 0 : loss[y]![x]! / highest;
      const isRight = prediction[y]![x] === label;
      return {
        type: 'rect',
        shape: { x: centreX - width / 2, y: centreY - height / 2, width, height },
        style: { fill: isRight ? RIGHT : WRONG, opacity: STRONGEST * share },
      };
    },
  };
}
