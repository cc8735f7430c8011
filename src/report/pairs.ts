import type { Comparison, Report } from '../contracts/report.ts';
import { SIGNIFICANCE } from './statistics.ts';

/** Two variants compared under every measure, as a row of a table. */
export interface Pair {
  readonly a: string;
  readonly b: string;
  readonly measures: readonly Difference[];
}

export interface Difference {
  readonly measure: Comparison['measure'];
  /** Accuracy of b less that of a. */
  readonly difference: number;
  readonly pValue: number;
  readonly significant: boolean;
}

/** The comparisons of a report, one row for two variants. */
export function pairsOf({ comparisons, run }: Report): Pair[] {
  const pairs = new Map<string, Pair & { measures: Difference[] }>();
  for (const { a, b, measure, onlyA, onlyB, pValue } of comparisons) {
    const key = JSON.stringify([a, b]);
    const pair = pairs.get(key) ?? { a, b, measures: [] };
    pairs.set(key, pair);
    const difference = (onlyB - onlyA) / run.images;
    pair.measures.push({ measure, difference, pValue, significant: pValue < SIGNIFICANCE });
  }
  return [...pairs.values()];
}
