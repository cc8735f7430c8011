import type { Report } from '../../schemas/report.ts';
import { count, counted, duration } from '../format.ts';
import { type Content, type Markup, note, section, table } from './markup.ts';

interface CostRow {
  readonly name: string;
  readonly seconds: number;
  readonly forwards: number;
  readonly gradients: number;
}

/** What the run took: model evaluations, workers' time and, where an hour has a price, money. */
export function costSection({ variants, run }: Report, pricePerHour: number | undefined): Markup {
  const parts = [
    ...variants.map(({ id, attacks }) => ({ name: id, ...sumOf(attacks) })),
    ...(run.crafting ?? []).map(({ attack, variant, ...cost }) => ({
      name: `${attack}, made once on ${variant}`,
      ...cost,
    })),
    ...variants.flatMap(({ id, audit }) => (audit === undefined ? [] : [{ name: `audit of ${id}`, ...audit }])),
  ];
  const all = parts.length === 1 ? [] : [{ name: 'all', ...sumOf(parts) }];
  const rows = [...parts, ...all].map((row) => costCells(row, pricePerHour));
  const columns = [
    'Attacks on',
    'Evaluations',
    'with gradient',
    'Worker time',
    ...(pricePerHour === undefined ? [] : ['Dollars']),
  ];
  return section('Cost', table({ label: 'What the run took', columns, rows }), note(remarks(run.images, pricePerHour)));
}

function costCells({ name, seconds, forwards, gradients }: CostRow, pricePerHour: number | undefined): Content[] {
  const money = pricePerHour === undefined ? [] : [((seconds / 3600) * pricePerHour).toFixed(2)];
  return [name, ...[count(forwards + gradients), count(gradients), duration(seconds), ...money]];
}

function remarks(images: number, pricePerHour: number | undefined): string {
  const price =
    pricePerHour === undefined
      ? '"igd report --price-per-hour" adds dollars.'
      : `Dollars take ${pricePerHour} an hour of one worker, each on a machine of its own: where workers share one, divide by their number.`;
  return (
    `Evaluations of single images, ${counted(images, 'image')} a variant; a gradient counts once and takes about as long as two ` +
    `forwards. Time is summed over shards, in attacks alone: loading, ranking and transfer come on top, and it differs from start to start. ${price}`
  );
}

function sumOf(rows: readonly Omit<CostRow, 'name'>[]): Omit<CostRow, 'name'> {
  const total = (key: 'seconds' | 'forwards' | 'gradients') => rows.reduce((sum, row) => sum + row[key], 0);
  return { seconds: total('seconds'), forwards: total('forwards'), gradients: total('gradients') };
}
