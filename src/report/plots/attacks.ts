import type { Report } from '../../contracts/report.ts';
import { percent } from '../format.ts';
import { renderChart } from './chart.ts';
import { type Figure, legendOf } from './figure.ts';
import { stagesOf } from './stages.ts';
import { categoryAxis, line, percentAxis, strokeOf } from './theme.ts';

/** How accuracy falls from clean through the suite to the worst case, a line of steps for each variant. */
export function attackFigure({ variants }: Report): Figure {
  const falls = variants.map((variant) => ({
    id: variant.id,
    stages: stagesOf(variant),
    stroke: strokeOf(variant, variants),
  }));
  const names = falls[0]?.stages.map(({ name }) => name) ?? [];
  const highest = Math.max(...falls.flatMap(({ stages }) => stages.map(({ accuracy }) => accuracy)));
  const svg = renderChart(
    {
      id: 'attacks',
      width: 880,
      height: 360,
      title: 'Accuracy after each attack',
      description: falls
        .map(
          ({ id, stages }) =>
            `${id}: ${stages.map(({ name, accuracy }) => `${percent(accuracy)} ${name}`).join(', ')}.`,
        )
        .join(' '),
    },
    {
      grid: { left: 48, right: 16, top: 12, bottom: 36 },
      xAxis: categoryAxis(names),
      yAxis: percentAxis(highest),
      series: falls.map(({ stages, stroke }) => ({
        ...line(
          stages.map(({ name, accuracy }) => [name, 100 * accuracy] as const),
          stroke,
        ),
        step: 'middle',
      })),
    },
  );
  return { svg, legend: legendOf(falls.map(({ id, stroke }) => ({ name: id, stroke }))) };
}
