import type { BarSeriesOption, EChartsOption, ScatterSeriesOption } from 'echarts';
import type { VariantReport } from '../../schemas/report.ts';
import { percent } from '../format.ts';
import type { Markup } from '../page/markup.ts';
import { type ChartSize, drawSizes, onPage, renderChart } from './chart.ts';
import { categoryAxis, percentAxis, shorten } from './theme.ts';

/** Beyond this many classes names no longer fit beside their bars. */
const NAMED_CLASSES = 24;

/** True where the panels of two variants fit side by side. */
export function fitsHalfWidth({ perClass }: VariantReport): boolean {
  return perClass.length <= NAMED_CLASSES;
}

/** Clean and robust accuracy of each class: robust is part of clean, so its bar lies inside. A tick marks `base`. */
export function classChart(variant: VariantReport, base: VariantReport | undefined, place: number): Markup {
  const { id, perClass } = variant;
  const named = fitsHalfWidth(variant);
  const frame = {
    id: `classes-${place}`,
    width: 428,
    height: named ? 44 + 22 * perClass.length : 220,
    title: `Accuracy of ${id} by class`,
    description: perClass
      .map(({ name, clean, robust }) => `${name}: clean ${percent(clean)}, robust ${percent(robust)}.`)
      .join(' '),
  };
  const baseOf = base === undefined || base.id === id ? undefined : base;
  if (named) return renderChart(frame, horizontal(variant, baseOf));
  return onPage(
    drawSizes((size) =>
      renderChart({ ...frame, id: size.id(frame.id), width: size.width(880) }, vertical(variant, baseOf, size)),
    ),
  );
}

/** Names on the left, bars to the right, the first class on top. */
function horizontal({ perClass }: VariantReport, base: VariantReport | undefined): EChartsOption {
  const names = perClass.map(({ name }) => shorten(name));
  return {
    grid: { left: 110, right: 20, top: 4, bottom: 28 },
    xAxis: percentAxis(1),
    yAxis: { ...categoryAxis(names), inverse: true },
    series: [
      ...bars(perClass, 12),
      ...ticks(
        base?.perClass.map(({ robust }, place) => [100 * robust, place]),
        [2, 14],
      ),
    ],
  };
}

function vertical(
  { perClass }: VariantReport,
  base: VariantReport | undefined,
  { isNarrow }: ChartSize,
): EChartsOption {
  const names = perClass.map(({ name }) => shorten(name));
  return {
    grid: { left: 44, right: 8, top: 8, bottom: 72 },
    xAxis: categoryAxis(names, { rotate: 60, interval: Math.ceil(names.length / (isNarrow ? 16 : 40)) - 1 }),
    yAxis: percentAxis(1),
    series: [
      ...bars(perClass, '64%'),
      ...ticks(
        base?.perClass.map(({ robust }, place) => [place, 100 * robust]),
        [Math.min(12, (isNarrow ? 250 : 600) / names.length), 2],
      ),
    ],
  };
}

function bars(perClass: VariantReport['perClass'], width: number | string): BarSeriesOption[] {
  const common = { type: 'bar', silent: true, emphasis: { disabled: true }, barWidth: width, barGap: '-100%' } as const;
  return [
    { ...common, data: perClass.map(({ clean }) => 100 * clean), itemStyle: { color: 'var(--clean-soft)' } },
    { ...common, data: perClass.map(({ robust }) => 100 * robust), itemStyle: { color: 'var(--robust)' } },
  ];
}

function ticks(data: number[][] | undefined, size: [number, number]): ScatterSeriesOption[] {
  if (data === undefined) return [];
  const itemStyle = { color: 'var(--ink)', opacity: 1 };
  return [{ type: 'scatter', silent: true, symbol: 'rect', symbolSize: size, data, itemStyle }];
}
