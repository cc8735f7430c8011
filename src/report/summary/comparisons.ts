import type { Comparison } from '../../contracts/report.ts';
import { mcnemarExact } from '../statistics.ts';
import type { JudgedVariant, Measure } from './judge.ts';

const MEASURES: readonly Measure[] = ['clean', 'robust', 'worst-case'];

/** McNemar's test of every two variants under every measure; a comes before b in the run. */
export function comparePairs(variants: readonly JudgedVariant[]): Comparison[] {
  return variants.flatMap((a, index) =>
    variants.slice(index + 1).flatMap((b) => MEASURES.map((measure) => compare(a, b, measure))),
  );
}

function compare(a: JudgedVariant, b: JudgedVariant, measure: Measure): Comparison {
  const rightB = b.right[measure];
  let onlyA = 0;
  let onlyB = 0;
  for (const [image, rightA] of a.right[measure].entries()) {
    if (rightA === rightB[image]) continue;
    if (rightA) onlyA += 1;
    else onlyB += 1;
  }
  return { a: a.variant.id, b: b.variant.id, measure, onlyA, onlyB, pValue: mcnemarExact(onlyA, onlyB) };
}

/** The p-value for two variants, whichever comes first; 1 for a variant and itself. */
export function pValueOf(comparisons: readonly Comparison[], measure: Measure, one: string, other: string): number {
  const found = comparisons.find(
    ({ a, b, measure: of }) => of === measure && ((a === one && b === other) || (a === other && b === one)),
  );
  return found?.pValue ?? 1;
}
