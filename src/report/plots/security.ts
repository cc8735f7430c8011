import type { Report } from '../../schemas/report.ts';
import { percent, radius } from '../format.ts';
import type { CurvePoint } from '../summary/perturbations.ts';
import { drawSizes, onPage, renderChart } from './chart.ts';
import { AXIS_LABEL, type Figure, LINE, legendOf, line, percentAxis, strokeOf } from './theme.ts';

/** A variant's accuracy over the radius. */
export interface SecurityCurve {
  readonly id: string;
  readonly points: readonly CurvePoint[];
}

/** Accuracy over the size of perturbations, a line for each variant. */
export function securityFigure({ variants, run: { threat } }: Report, curves: readonly SecurityCurve[]): Figure {
  const lines = curves.map(({ id, points }) => {
    const variant = variants.find((one) => one.id === id);
    return {
      id,
      points,
      stroke: strokeOf({ id, ...(variant?.threshold !== undefined && { threshold: variant.threshold }) }, variants),
    };
  });
  const highest = Math.max(...curves.flatMap(({ points }) => points.map(({ accuracy }) => accuracy)));
  const chart = drawSizes(({ id, width, isNarrow }) =>
    renderChart(
      {
        id: id('security'),
        width: width(880),
        height: isNarrow ? 320 : 360,
        title: `Accuracy over the ${threat.norm} size of perturbations`,
        description: curves.map(describe).join(' '),
      },
      {
        grid: { left: 48, right: 24, top: 12, bottom: 48 },
        xAxis: {
          type: 'value',
          name: `${threat.norm} distance`,
          nameLocation: 'middle',
          nameGap: 32,
          nameTextStyle: AXIS_LABEL,
          min: 0,
          max: threat.epsilon,
          axisLine: { lineStyle: { color: LINE } },
          axisTick: { show: false },
          splitLine: { show: false },
          axisLabel: {
            ...AXIS_LABEL,
            customValues: [0, 0.25, 0.5, 0.75, 1].map((share) => share * threat.epsilon),
            formatter: (value: number) => radius(value),
          },
        },
        yAxis: percentAxis(highest),
        series: lines.map(({ points, stroke }) => ({
          ...line(
            points.map(({ epsilon, accuracy }) => [epsilon, 100 * accuracy] as const),
            stroke,
          ),
          symbol: 'none',
          step: 'end' as const,
        })),
      },
    ),
  );
  return { svg: onPage(chart), legend: legendOf(lines.map(({ id, stroke }) => ({ name: id, stroke }))) };
}

/** In eighths of the radius: a screen reader is not read 65 numbers. */
function describe({ id, points }: SecurityCurve): string {
  const shown = points.filter((_, place) => place % 8 === 0);
  return `${id}: ${shown.map(({ epsilon, accuracy }) => `${percent(accuracy)} at ${radius(epsilon)}`).join(', ')}.`;
}
