import { mcnemarExact, SIGNIFICANCE } from '../../numeric/statistics.ts';
import type { Comparison, Report, VariantReport } from '../../schemas/report.ts';
import { counted, percent } from '../format.ts';
import type { Measure, ScoredVariant } from './variants.ts';

const MEASURES: readonly Measure[] = ['clean', 'robust', 'worst-case'];

/** McNemar's test of every two variants under every measure; a comes before b in the run. */
export function comparePairs(variants: readonly ScoredVariant[]): Comparison[] {
  return variants.flatMap((a, index) =>
    variants.slice(index + 1).flatMap((b) => MEASURES.map((measure) => compare(a, b, measure))),
  );
}

function compare(a: ScoredVariant, b: ScoredVariant, measure: Measure): Comparison {
  const [rightA, rightB] = [a.right[measure], b.right[measure]];
  const countOnly = (places: readonly number[]) => {
    const differing = places.filter((place) => rightA[place] !== rightB[place]);
    const onlyA = differing.filter((place) => rightA[place]).length;
    return { onlyA, onlyB: differing.length - onlyA };
  };
  // Copies of an image are one trial.
  const { onlyA, onlyB } = countOnly(a.distinct.places);
  return {
    ...{ a: a.variant.id, b: b.variant.id, measure, ...countOnly([...rightA.keys()]) },
    pValue: mcnemarExact(onlyA, onlyB),
  };
}

/** The p-value for two variants, whichever comes first; 1 for a variant and itself. */
export function pValueOf(comparisons: readonly Comparison[], measure: Measure, one: string, other: string): number {
  const found = comparisons.find(
    ({ a, b, measure: of }) => of === measure && ((a === one && b === other) || (a === other && b === one)),
  );
  return found?.pValue ?? 1;
}

/** Accuracies this close are one accuracy to a reader, whatever a test on many images says. */
const SAME_WITHIN = 0.01;

/**
 * Logits of a trained classifier lie units apart: a gap of 1 at this temperature already is a confidence of e^5 to 1, above
 * 0.99, so nearly every image lies above every threshold.
 */
const SATURATED_TEMPERATURE = 0.2;

type ThresholdVariant = Pick<VariantReport, 'id' | 'clean' | 'robust'> & { readonly threshold: number };

/** What the confidence thresholds change, and why where it is nothing; null for fewer than two thresholds. */
export function summariseThresholds(
  run: Report['run'],
  variants: readonly Omit<VariantReport, 'flags'>[],
  comparisons: readonly Comparison[],
): Report['sweep'] {
  const byThreshold = variants
    .flatMap(({ threshold, ...variant }): ThresholdVariant[] =>
      threshold === undefined ? [] : [{ ...variant, threshold }],
    )
    .sort((a, b) => a.threshold - b.threshold);
  if (byThreshold.length < 2) return null;
  const flat = isFlat(byThreshold, 'robust', comparisons) && isFlat(byThreshold, 'clean', comparisons);
  return { thresholds: byThreshold.map(({ threshold }) => threshold), flat, message: describe(run, byThreshold, flat) };
}

function isFlat(
  byThreshold: readonly ThresholdVariant[],
  measure: 'clean' | 'robust',
  comparisons: readonly Comparison[],
): boolean {
  const accuracies = byThreshold.map((variant) => variant[measure].accuracy);
  // The subtraction of two shares may land a rounding error above the bound.
  if (Math.max(...accuracies) - Math.min(...accuracies) <= SAME_WITHIN + 1e-9) return true;
  return byThreshold.every(({ id }, index) =>
    byThreshold.slice(index + 1).every((other) => pValueOf(comparisons, measure, id, other.id) >= SIGNIFICANCE),
  );
}

function describe(run: Report['run'], byThreshold: readonly ThresholdVariant[], flat: boolean): string {
  const [first, last] = [byThreshold[0]!.threshold, byThreshold.at(-1)!.threshold];
  const found = `${spread(byThreshold, 'robust')} robust and ${spread(byThreshold, 'clean')} clean accuracy`;
  if (!flat) return `Thresholds ${first} to ${last} give ${found}.`;
  // "Sweep" is the first edition's word for several thresholds; the sentence stays, so that equal runs give equal reports.
  const head = `The sweep is flat: thresholds ${first} to ${last} give ${found}, too close to tell apart`;
  if (run.temperature > SATURATED_TEMPERATURE) return `${head} on ${counted(run.images, 'image')}.`;
  return (
    `${head}. At temperature ${run.temperature} confidence saturates near 1, so every threshold masks alike: ` +
    'set temperature near 1 to make the ramp live.'
  );
}

function spread(byThreshold: readonly ThresholdVariant[], measure: 'clean' | 'robust'): string {
  const byAccuracy = byThreshold.toSorted((a, b) => a[measure].accuracy - b[measure].accuracy);
  const [low, high] = [percent(byAccuracy[0]![measure].accuracy), percent(byAccuracy.at(-1)![measure].accuracy)];
  return low === high ? low : `${low} to ${high}`;
}
