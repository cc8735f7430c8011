import type { ScatterSeriesOption } from 'echarts';
import { SIGNIFICANCE } from '../../numeric/statistics.ts';
import type {
  History,
  HistoryComparison,
  HistoryEntry,
  HistoryResults,
  HistoryVariant,
} from '../../schemas/history.ts';
import { percent } from '../format.ts';
import { drawSizes, renderChart, type SizedChart } from '../plots/chart.ts';
import { AXIS_LABEL, band, type Drawing, LINE, line, percentAxis, type Stroke, strokeOf } from '../plots/theme.ts';
import { questionOf } from './compare-entry.ts';

export type HistoryMeasure = 'robust' | 'clean';

const DAY_MS = 24 * 3600_000;

interface Point {
  /** Days since 1970, in UTC. */
  readonly x: number;
  readonly accuracy: number;
  readonly interval: [number, number];
  /** Whether it fell beyond chance since the one that it was compared with. */
  readonly fell: boolean;
}

/** Results of one variant of one question: those of another are no continuation of the line. */
interface Curve {
  readonly variant: HistoryVariant;
  readonly points: readonly Point[];
}

/** One measure of accuracy over time, to scale, a line for each variant; a line ends where the question changes. */
export function historyDrawing(
  { schedule, entries }: History,
  measure: HistoryMeasure,
  title: string,
): Drawing & SizedChart {
  const curves = curvesOf(entries, measure);
  const variants = [...new Map(curves.map(({ variant }) => [variant.id, variant])).values()];
  const strokes = new Map(variants.map((variant) => [variant.id, strokeOf(variant, variants)]));
  const highest = Math.max(...curves.flatMap(({ points }) => points.map(({ interval }) => interval[1])));
  const falls = curves.flatMap(({ points }) => points.filter(({ fell }) => fell));
  const chart = drawSizes(({ id, width, isNarrow }) =>
    renderChart(
      {
        id: id(`history-${measure}`),
        width: width(580),
        height: 320,
        title: `${title} of schedule ${schedule} over time`,
        description: curves.map(describe).join(' '),
      },
      {
        grid: { left: 48, right: 32, top: 12, bottom: 32 },
        xAxis: timeAxis(curves, isNarrow ? 3 : 5),
        yAxis: percentAxis(highest),
        series: [
          ...curves.map(({ variant, points }) => band(points, strokes.get(variant.id)!.colour)),
          ...curves.map(({ variant, points }) => {
            const inPercent = points.map(({ x, accuracy }) => [x, 100 * accuracy] as const);
            return line(inPercent, strokes.get(variant.id)!);
          }),
          rings(falls),
        ],
      },
    ),
  );
  const lines = variants.map(({ id }) => ({ name: id, stroke: strokes.get(id)! }));
  const fall = { name: 'fell beyond chance', stroke: FALL, mark: 'ring' } as const;
  return { ...chart, entries: falls.length === 0 ? lines : [...lines, fall] };
}

const FALL: Stroke = { colour: 'var(--worst)', opacity: 1 };

/** Around points of lines. */
function rings(points: readonly Point[]): ScatterSeriesOption {
  return {
    type: 'scatter',
    silent: true,
    z: 4,
    data: points.map(({ x, accuracy }) => [x, 100 * accuracy]),
    symbol: 'circle',
    symbolSize: 15,
    itemStyle: { color: 'none', borderColor: FALL.colour, borderWidth: 2, opacity: FALL.opacity },
  };
}

function curvesOf(entries: readonly HistoryEntry[], measure: HistoryMeasure): Curve[] {
  return segmentsOf(entries).flatMap((segment) => {
    const variants = new Map(
      segment.flatMap(({ results }) => results.variants.map((variant) => [variant.id, variant])),
    );
    return [...variants.values()].map((variant) => ({
      variant,
      points: segment.flatMap(({ at, results, comparison }): Point[] => {
        const share = results.variants.find(({ id }) => id === variant.id)?.[measure];
        if (share === undefined) return [];
        const { accuracy, interval } = share;
        return [{ x: Date.parse(at) / DAY_MS, accuracy, interval, fell: hasFallen(comparison, variant.id, measure) }];
      }),
    }));
  });
}

function hasFallen(comparison: HistoryComparison, id: string, measured: HistoryMeasure): boolean {
  if (!('tests' in comparison)) return false;
  return comparison.tests.some(
    ({ variant, measure, difference, pValue }) =>
      variant === id && measure === measured && difference < 0 && pValue < SIGNIFICANCE,
  );
}

interface Measured extends Pick<HistoryEntry, 'at' | 'comparison'> {
  readonly results: HistoryResults;
}

function segmentsOf(entries: readonly HistoryEntry[]): Measured[][] {
  const segments: Measured[][] = [];
  let question: string | undefined;
  for (const { at, results, comparison } of entries) {
    if (results === null) continue;
    if (questionOf(results) !== question) segments.push([]);
    question = questionOf(results);
    segments.at(-1)?.push({ at, results, comparison });
  }
  return segments;
}

/** Days between the labels of an axis. */
const STEPS = [1, 2, 7, 14, 28, 91, 182, 364, 728, 1820] as const;

/** Whole days, as few labels as there is room for. */
function timeAxis(curves: readonly Curve[], labels: number) {
  const days = curves.flatMap(({ points }) => points.map(({ x }) => x));
  const min = Math.floor(Math.min(...days));
  const max = Math.max(min + 1, Math.ceil(Math.max(...days)));
  return {
    type: 'value' as const,
    min,
    max,
    interval: STEPS.find((step) => (max - min) / step <= labels) ?? max - min,
    axisLine: { show: true, lineStyle: { color: LINE } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { ...AXIS_LABEL, showMaxLabel: max - min <= labels, formatter: dayText },
  };
}

function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

function describe({ variant, points }: Curve): string {
  return `${variant.id}: ${points.map(pointText).join(', ')}.`;
}

function pointText({ x, accuracy, fell }: Point): string {
  return `${percent(accuracy)} on ${dayText(Math.floor(x))}${fell ? ' (fell)' : ''}`;
}
