import type {
  ParameterSweepMeasure,
  ParameterSweepReport,
  ParameterSweepVariant,
} from '../../schemas/parameter-sweep.ts';
import { percent } from '../format.ts';
import { valueName } from '../sweep-values.ts';
import { drawSizes, renderChart, type SizedChart } from './chart.ts';
import { AXIS_LABEL, band, categoryAxis, type Drawing, line, percentAxis, strokeOf } from './theme.ts';

/** Measures as headings have them, and how tables name them. */
export const MEASURE_TITLES: Readonly<Record<ParameterSweepMeasure, string>> = {
  clean: 'Clean accuracy',
  robust: 'Robust accuracy',
  worstCase: 'Worst case over variants',
};

export const MEASURE_NAMES: Readonly<Record<ParameterSweepMeasure, string>> = {
  clean: 'clean',
  robust: 'robust',
  worstCase: 'worst-case',
};

interface Curve {
  readonly variant: ParameterSweepVariant;
  readonly points: readonly { readonly x: number; readonly accuracy: number; readonly interval: [number, number] }[];
}

/** One measure of accuracy over the swept values, a line for each variant. Values stand evenly, as the config lists them. */
export function parameterSweepDrawing(
  report: ParameterSweepReport,
  measure: ParameterSweepMeasure,
  title: string,
): Drawing & SizedChart {
  const names = report.runs.map((run) => valueName(report, run));
  const curves = curvesOf(report, measure);
  const variants = curves.map(({ variant }) => variant);
  const strokes = variants.map((variant) => strokeOf(variant, variants));
  const highest = Math.max(...curves.flatMap(({ points }) => points.map(({ interval }) => interval[1])));
  const chart = drawSizes(({ id, width }) =>
    renderChart(
      {
        id: id(`sweep-${measure}`),
        width: width(880),
        height: 340,
        title: `${title} against ${report.key}`,
        description: curves.map((curve) => describe(curve, names)).join(' '),
      },
      {
        grid: { left: 48, right: 16, top: 12, bottom: 52 },
        xAxis: {
          ...categoryAxis(names),
          name: report.key,
          nameLocation: 'middle',
          nameGap: 32,
          nameTextStyle: AXIS_LABEL,
        },
        yAxis: percentAxis(highest),
        series: [
          ...curves.map(({ points }, index) => band(points, strokes[index]!.colour)),
          ...curves.map(({ points }, index) => {
            const inPercent = points.map(({ x, accuracy }) => [names[x]!, 100 * accuracy] as const);
            return line(inPercent, strokes[index]!);
          }),
        ],
      },
    ),
  );
  return { ...chart, entries: variants.map(({ id }, index) => ({ name: id, stroke: strokes[index]! })) };
}

function curvesOf({ runs }: ParameterSweepReport, measure: ParameterSweepMeasure): Curve[] {
  const variants = runs[0]?.variants ?? [];
  return variants.map((variant) => ({
    variant,
    points: runs.flatMap((run, x) => {
      const share = run.variants.find(({ id }) => id === variant.id)?.[measure];
      return share === undefined ? [] : [{ x, accuracy: share.accuracy, interval: share.interval }];
    }),
  }));
}

function describe({ variant, points }: Curve, names: readonly string[]): string {
  return `${variant.id}: ${points.map(({ x, accuracy }) => `${percent(accuracy)} at ${names[x]}`).join(', ')}.`;
}
