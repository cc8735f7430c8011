import { counted, duration } from '../report/format.ts';
import type { Bounds } from '../runs/planning/estimate.ts';
import type { ParameterSweep, ParameterSweepValue } from '../schemas/parameter-sweep.ts';
import { money, planText, type TimedEstimate } from './plan-text.ts';

/** What `igd plan --json` prints of a parameter sweep. */
export interface SweepEstimate extends Pick<ParameterSweep, 'name' | 'key'> {
  readonly schema: 'igd.sweep-estimate/1';
  /** In the order they are done: what one takes from those before it is not counted. */
  readonly runs: readonly {
    readonly value: ParameterSweepValue;
    readonly folder: string;
    readonly estimate: TimedEstimate;
  }[];
  /** Seconds of all; null where nothing was timed. */
  readonly seconds: Bounds<number> | null;
  /** null without a price, or without a time. */
  readonly cost: Bounds<number> | null;
}

export function sweepEstimate(
  { name, key }: Pick<ParameterSweep, 'name' | 'key'>,
  runs: SweepEstimate['runs'],
): SweepEstimate {
  const estimates = runs.map(({ estimate }) => estimate);
  return {
    schema: 'igd.sweep-estimate/1',
    name,
    key,
    runs,
    seconds: sumOf(estimates.map(({ time }) => time?.seconds)),
    cost: sumOf(estimates.map(({ cost }) => cost ?? undefined)),
  };
}

/** null where one is not known. */
function sumOf(parts: readonly (Bounds<number> | undefined)[]): Bounds<number> | null {
  const known = parts.flatMap((part) => part ?? []);
  if (known.length < parts.length) return null;
  return {
    expected: known.reduce((sum, { expected }) => sum + expected, 0),
    most: known.reduce((sum, { most }) => sum + most, 0),
  };
}

/** For people: each run, and all. */
export function sweepPlanText({ name, key, runs, seconds, cost }: SweepEstimate): string {
  const total = [
    `${name}: ${counted(runs.length, 'run')} over ${key}, one after the other; what a run takes from those before it is not counted`,
    ...(seconds === null ? [] : [`time  ${duration(seconds.expected)}, at most ${duration(seconds.most)}`]),
    ...(cost === null ? [] : [`cost  ${money(cost.expected)}, at most ${money(cost.most)}`]),
  ];
  return [...runs.map(({ folder, estimate }) => planText(folder, estimate)), total.join('\n')].join('\n\n');
}
