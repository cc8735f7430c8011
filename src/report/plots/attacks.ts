import type { Report, Share, VariantReport } from '../../schemas/report.ts';
import { percent } from '../format.ts';
import { attackColumns } from '../table.ts';
import { drawSizes, onPage, renderChart } from './chart.ts';
import { categoryAxis, type Figure, legendOf, line, percentAxis, strokeOf } from './theme.ts';

/** How accuracy falls from clean through the suite to the worst case, a line of steps for each variant. */
export function attackFigure({ variants }: Report): Figure {
  const falls = variants.map((variant) => ({
    id: variant.id,
    stages: attackStages(variant),
    stroke: strokeOf(variant, variants),
  }));
  const names = falls[0]?.stages.map(({ name }) => name) ?? [];
  const highest = Math.max(...falls.flatMap(({ stages }) => stages.map(({ accuracy }) => accuracy)));
  const chart = drawSizes(({ id, width, isNarrow }) =>
    renderChart(
      {
        id: id('attacks'),
        width: width(880),
        height: isNarrow ? 340 : 360,
        title: 'Accuracy after each attack',
        description: falls
          .map(
            ({ id, stages }) =>
              `${id}: ${stages.map(({ name, accuracy }) => `${percent(accuracy)} ${name}`).join(', ')}.`,
          )
          .join(' '),
      },
      {
        grid: { left: 48, right: 16, top: 12, bottom: isNarrow ? 96 : 36 },
        xAxis: categoryAxis(names, isNarrow ? { rotate: 50, interval: 0 } : {}),
        yAxis: percentAxis(highest),
        series: falls.map(({ stages, stroke }) => ({
          ...line(
            stages.map(({ name, accuracy }) => [name, 100 * accuracy] as const),
            stroke,
          ),
          step: 'middle',
        })),
      },
    ),
  );
  return { svg: onPage(chart), legend: legendOf(falls.map(({ id, stroke }) => ({ name: id, stroke }))) };
}

/** Accuracy as it falls: clean, after each attack of the suite, and in the worst case. */
export interface AttackStage {
  readonly name: string;
  readonly kind: 'clean' | 'attack' | 'robust' | 'worst';
  readonly accuracy: number;
  readonly interval: Share['interval'];
}

/** The stages of a variant; the worst case only where another variant's examples can differ from its own. */
export function attackStages(variant: VariantReport): AttackStage[] {
  const { clean, robust, attacks, worstCase, transfer } = variant;
  const isSequence = new Set(attacks.map(({ group }) => group)).size <= 1;
  const columns = attackColumns(variant);
  const attacked = columns.map(({ label, accuracy, interval }, place): AttackStage => {
    const kind = isSequence && place === columns.length - 1 ? 'robust' : 'attack';
    return { name: label, kind, accuracy, interval };
  });
  const all: AttackStage = { ...robust, name: 'under all', kind: 'robust' };
  const worst: AttackStage = { ...worstCase, name: 'worst case', kind: 'worst' };
  return [
    { ...clean, name: 'clean', kind: 'clean' },
    ...attacked,
    ...(isSequence ? [] : [all]),
    ...(transfer.length > 1 ? [worst] : []),
  ];
}
