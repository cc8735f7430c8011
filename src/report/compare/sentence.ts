import { SIGNIFICANCE } from '../../numeric/statistics.ts';
import type { PairedMeasure, RunComparison } from '../../schemas/comparison.ts';
import { counted, points, pValue } from '../format.ts';

export type ComparedMeasure = 'robust' | 'clean';

/** One test of a comparison. */
export interface ComparedTest {
  readonly variant: string;
  readonly measure: ComparedMeasure;
  readonly result: PairedMeasure;
}

/** Every test of a comparison, robust accuracy before clean. */
export function testsOf({ variants }: RunComparison): ComparedTest[] {
  const of = (measure: ComparedMeasure) =>
    variants.map((variant) => ({ variant: variant.id, measure, result: variant[measure] }));
  return [...of('robust'), ...of('clean')];
}

/** Tests that found a lower accuracy in b, after Holm's correction. */
export function regressionsOf(comparison: RunComparison, alpha: number = SIGNIFICANCE): ComparedTest[] {
  return significant(comparison, alpha).filter(({ result }) => result.difference < 0);
}

function significant(comparison: RunComparison, alpha: number): ComparedTest[] {
  return testsOf(comparison).filter(({ result }) => result.adjusted < alpha);
}

/**
 * A comparison for people: "robust accuracy fell 3.1 points (p = 0.004)", or that nothing changed. It names what fell most,
 * else what rose most, robust accuracy first; the p-value is Holm's. `since`, such as "12 November", is said where it is given.
 */
export function comparisonSentence(comparison: RunComparison, alpha: number = SIGNIFICANCE, since?: string): string {
  const found = significant(comparison, alpha);
  const falls = found.filter(({ result }) => result.difference < 0);
  const [first, ...others] = (falls.length > 0 ? falls : found).toSorted(byWeight);
  const several = comparison.variants.length > 1;
  const when = since === undefined ? '' : ` since ${since}`;
  if (first === undefined) return unchanged(comparison, when);
  const more = others.length === 0 ? '' : `; so did ${counted(others.length, 'more measure')}`;
  return `${testText(first, several)}${when}${more}`;
}

/** Robust accuracy before clean, then the largest difference. */
function byWeight(one: ComparedTest, other: ComparedTest): number {
  if (one.measure !== other.measure) return one.measure === 'robust' ? -1 : 1;
  return Math.abs(other.result.difference) - Math.abs(one.result.difference);
}

function unchanged(comparison: RunComparison, when: string): string {
  if (comparison.variants.every(({ changed }) => changed.length === 0))
    return `nothing changed${when}: ${counted(comparison.images, 'image')} came to the same end`;
  const [most] = testsOf(comparison).toSorted(byWeight);
  if (most === undefined) return `nothing changed${when}`;
  const { difference, adjusted } = most.result;
  const subject = `${most.measure} accuracy${comparison.variants.length > 1 ? ` of ${most.variant}` : ''}`;
  return `nothing changed beyond chance${when}: ${subject} by ${points(difference)} points (${pValue(adjusted)})`;
}

/** "robust accuracy of loir fell 3.1 points (p = 0.004)" */
export function testText({ variant, measure, result }: ComparedTest, withVariant = true): string {
  const { difference, adjusted } = result;
  const verb = difference < 0 ? 'fell' : 'rose';
  const size = points(Math.abs(difference)).replace('+', '');
  return `${measure} accuracy${withVariant ? ` of ${variant}` : ''} ${verb} ${size} points (${pValue(adjusted)})`;
}
