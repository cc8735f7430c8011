import type { BarSeriesOption, CustomSeriesOption } from 'echarts';
import {
  ATTACK_OUTCOMES,
  type AttackOutcome,
  type ShiftTable,
  UNIT_GROUPS,
  type UnitGroup,
} from '../../schemas/analysis.ts';
import { percent } from '../format.ts';
import { drawSizes, renderChart, type SizedChart } from './chart.ts';
import { AXIS_LABEL, categoryAxis, type Drawing, INK, LINE, type Stroke } from './theme.ts';

/** How a reader's eye meets the groups of units and the outcomes of an attack. */
export const GROUP_NAMES: Readonly<Record<UnitGroup, string>> = {
  trueClass: 'true class',
  postAttackClass: 'post-attack class',
  otherClasses: 'other classes',
  unimportant: 'important to none',
};

export const OUTCOME_NAMES: Readonly<Record<AttackOutcome, string>> = {
  successful: 'successful attacks',
  unsuccessful: 'unsuccessful attacks',
};

const STROKES: Readonly<Record<AttackOutcome, Stroke>> = {
  successful: { colour: 'var(--worst)', opacity: 1 },
  unsuccessful: { colour: 'var(--clean)', opacity: 1 },
};

/** Standard errors either side that make a 95% interval. */
const NORMAL_95 = 1.96;
/** Of the width of a category: bars, and between the two bars of a category their centres. */
const BAR_WIDTH = 0.3;
const CENTRES_APART = 0.32;

interface Bar {
  readonly group: number;
  /** Percent; null where there is nothing to draw. */
  readonly shift: number | null;
  readonly error: number;
}

/** The relative change of each group's activation, side by side for successful and unsuccessful attacks. */
export function shiftDrawing(table: ShiftTable): Drawing & SizedChart {
  const shown = ATTACK_OUTCOMES.filter((outcome) => table[outcome].images > 0);
  const series = shown.map((outcome) => ({ outcome, bars: barsOf(table[outcome]) }));
  const chart = drawSizes(({ id, width, isNarrow }) =>
    renderChart(
      {
        id: id('shift'),
        width: width(880),
        height: 360,
        title: 'Change of activations under attack',
        description: series.map(describe).join(' '),
      },
      {
        grid: { left: 56, right: 16, top: 12, bottom: isNarrow ? 96 : 36 },
        xAxis: {
          ...categoryAxis(
            UNIT_GROUPS.map((group) => GROUP_NAMES[group]),
            isNarrow ? { rotate: 50, interval: 0 } : {},
          ),
          axisLine: { onZero: false, show: false },
        },
        yAxis: {
          type: 'value',
          axisLine: { show: false },
          axisTick: { show: false },
          axisLabel: { ...AXIS_LABEL, formatter: '{value}%' },
          splitLine: { lineStyle: { color: LINE } },
        },
        series: series.flatMap(({ outcome, bars }, place) => [
          barSeries(bars, STROKES[outcome]),
          whiskers(bars, (place - (series.length - 1) / 2) * CENTRES_APART),
        ]),
      },
    ),
  );
  return {
    ...chart,
    entries: shown.map((outcome) => ({ name: OUTCOME_NAMES[outcome], stroke: STROKES[outcome], mark: 'block' })),
  };
}

function barsOf({ groups }: ShiftTable[AttackOutcome]): Bar[] {
  return UNIT_GROUPS.map((name, group) => {
    const cell = groups[name];
    const shift = cell?.shift ?? null;
    return { group, shift: shift === null ? null : 100 * shift, error: 100 * NORMAL_95 * (cell?.standardError ?? 0) };
  });
}

function barSeries(bars: readonly Bar[], { colour }: Stroke): BarSeriesOption {
  return {
    type: 'bar',
    silent: true,
    emphasis: { disabled: true },
    barWidth: `${100 * BAR_WIDTH}%`,
    barGap: `${100 * (CENTRES_APART / BAR_WIDTH - 1)}%`,
    itemStyle: { color: colour },
    data: bars.map(({ shift }) => shift ?? '-'),
  };
}

/** 95% intervals; `offset` is that of the bar from the middle of its category, in widths of a category. */
function whiskers(bars: readonly Bar[], offset: number): CustomSeriesOption {
  const drawn = bars.filter(({ shift, error }) => shift !== null && error > 0);
  return {
    type: 'custom',
    silent: true,
    z: 3,
    // The ends are data, so that the axis is long enough for them.
    encode: { x: 0, y: [1, 2] },
    data: drawn.map(({ group, shift, error }) => [group, (shift ?? 0) - error, (shift ?? 0) + error]),
    renderItem: (_, api) => {
      const [width = 0] = [api.size?.([1, 0])].flat();
      const [x = 0, low = 0] = api.coord([api.value(0), api.value(1)]);
      const [, high = 0] = api.coord([api.value(0), api.value(2)]);
      const centre = x + offset * width;
      return {
        type: 'line',
        shape: { x1: centre, x2: centre, y1: low, y2: high },
        style: { stroke: INK, lineWidth: 1.5, opacity: 0.7 },
      };
    },
  };
}

function describe({ outcome, bars }: { readonly outcome: AttackOutcome; readonly bars: readonly Bar[] }): string {
  const parts = bars.flatMap(({ group, shift }) =>
    shift === null ? [] : [`${GROUP_NAMES[UNIT_GROUPS[group]!]} ${percent(shift / 100)}`],
  );
  return `${OUTCOME_NAMES[outcome]}: ${parts.join(', ')}.`;
}
