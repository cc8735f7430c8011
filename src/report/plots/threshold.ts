import type { EChartsOption, LineSeriesOption } from 'echarts';
import type { Report, VariantReport } from '../../schemas/report.ts';
import { percent } from '../format.ts';
import { type AttackStage, attackStages } from './attacks.ts';
import { drawSizes, onPage, renderChart } from './chart.ts';
import { AXIS_LABEL, band, type Figure, LINE, legendOf, line, MUTED, percentAxis, type Stroke } from './theme.ts';

type ThresholdVariant = VariantReport & { readonly threshold: number };

/** Accuracy against the confidence threshold, the undefended model as a dashed line; null for fewer than two thresholds. */
export function thresholdFigure({ sweep: thresholds, variants }: Report): Figure | null {
  if (thresholds === null) return null;
  const byThreshold = variants
    .filter((variant): variant is ThresholdVariant => variant.threshold !== undefined)
    .sort((a, b) => a.threshold - b.threshold);
  const base = variants.find(({ mask }) => mask === 'none');
  const curves = curvesOf(byThreshold);
  const strokes = curves.map((curve) => strokeOfCurve(curve, curves));
  const chart = drawSizes(({ id, width, isNarrow }) =>
    renderChart(
      {
        id: id('threshold'),
        width: width(880),
        height: isNarrow ? 340 : 380,
        title: 'Accuracy against the confidence threshold',
        description: curves.map(describeCurve).join(' '),
      },
      thresholdOption(curves, strokes, base),
    ),
  );
  const legend = curves.map(({ name }, index) => ({ name, stroke: strokes[index]! }));
  const baseline = base === undefined ? [] : [{ name: base.id, stroke: BASE_STROKE, mark: 'dashed' } as const];
  return { svg: onPage(chart), legend: legendOf([...legend, ...baseline]) };
}

interface Curve {
  readonly name: string;
  readonly kind: AttackStage['kind'];
  readonly points: readonly {
    readonly x: number;
    readonly accuracy: number;
    readonly interval: AttackStage['interval'];
  }[];
}

/** One curve for each stage, over thresholds. */
function curvesOf(byThreshold: readonly ThresholdVariant[]): Curve[] {
  const stages = byThreshold.map(attackStages);
  return (stages[0] ?? []).map(({ name, kind }, place) => ({
    name: kind === 'robust' ? `robust (${name})` : name,
    kind,
    points: byThreshold.map(({ threshold }, index) => ({ ...stages[index]![place]!, x: threshold })),
  }));
}

const STAGE_COLOURS: Readonly<Record<AttackStage['kind'], string>> = {
  clean: 'var(--clean)',
  attack: 'var(--robust)',
  robust: 'var(--robust)',
  worst: 'var(--worst)',
};

const BASE_STROKE: Stroke = { colour: 'var(--none)', opacity: 1 };

/** Attacks share a hue that grows stronger towards the last, whose curve is the robust accuracy. */
function strokeOfCurve({ kind, name }: Curve, curves: readonly Curve[]): Stroke {
  const attacks = curves.filter((curve) => curve.kind === 'attack').map((curve) => curve.name);
  const opacity = kind === 'attack' ? 0.25 + (0.4 * (attacks.indexOf(name) + 1)) / attacks.length : 1;
  return { colour: STAGE_COLOURS[kind], opacity };
}

function thresholdOption(curves: readonly Curve[], strokes: readonly Stroke[], base?: VariantReport): EChartsOption {
  const thresholds = curves[0]!.points.map(({ x }) => x);
  const [first, last] = [Math.min(...thresholds), Math.max(...thresholds)];
  const pad = (last - first) / 20;
  const highest = Math.max(
    base?.clean.accuracy ?? 0,
    ...curves.flatMap(({ points }) => points.map(({ interval }) => interval[1])),
  );
  const bands = curves
    .filter(({ kind }) => kind !== 'attack')
    .map(({ points, kind }) => band(points, STAGE_COLOURS[kind]));
  const lines = curves.map(({ points }, index) => {
    const inPercent = points.map(({ x, accuracy }) => [x, 100 * accuracy] as const);
    return line(inPercent, strokes[index]!);
  });
  return {
    grid: { left: 48, right: 96, top: 12, bottom: 48 },
    xAxis: {
      type: 'value',
      name: 'confidence threshold',
      nameLocation: 'middle',
      nameGap: 32,
      nameTextStyle: AXIS_LABEL,
      min: first - pad,
      max: last + pad,
      axisLine: { lineStyle: { color: LINE } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...AXIS_LABEL, customValues: thresholds, hideOverlap: true },
    },
    yAxis: percentAxis(highest),
    series: [...bands, ...lines, ...(base === undefined ? [] : baselines(base, first - pad, last + pad))],
  };
}

function baselines(base: VariantReport, from: number, to: number): LineSeriesOption[] {
  return (['clean', 'robust'] as const).map((measure) => {
    const ends = [from, to].map((x) => [x, 100 * base[measure].accuracy] as const);
    return {
      ...line(ends, BASE_STROKE),
      symbol: 'none',
      z: 1,
      lineStyle: { color: BASE_STROKE.colour, width: 1.5, type: 'dashed' },
      endLabel: { show: true, formatter: `${base.id}, ${measure}`, color: MUTED, fontSize: 12 },
    };
  });
}

function describeCurve({ name, points }: Curve): string {
  return `${name}: ${points.map(({ x, accuracy }) => `${percent(accuracy)} at ${x}`).join(', ')}.`;
}
