import { leastWith, markedInterval, type SampleCount } from '../../numeric/hypergeometric.ts';

/** How sure an audit is to be of the accuracy that its suite would leave. */
export interface AuditBound {
  /** Half the width of the interval of the accuracy, a share of all images. */
  readonly halfWidth: number;
  /** That the intervals of all variants hold at once. */
  readonly confidence: number;
}

/**
 * Share of the survivors that the audit's suite is taken to break where a sample is planned. Measured: on the reference
 * checkpoint the original `standard` breaks none of 81 images that MALT with two targets leaves, and 2 of 83 after one target.
 * A sample that shows more is no less true; its interval is wider than asked, and the report says so.
 */
export const PLANNED_BREAKS = 0.01;

/** Bonferroni: each of `variants` intervals may miss with an equal part of what all together may, whatever they have in common. */
export function confidenceEach(confidence: number, variants: number): number {
  return 1 - (1 - confidence) / variants;
}

/** What is to be sampled, of how many. */
export interface SampleTask extends AuditBound {
  /** Of all, those that the run's own suite left robust. */
  readonly survivors: number;
  /** All images of the run. */
  readonly images: number;
  readonly variants: number;
  /** Share of the survivors that is taken to break. */
  readonly breaks: number;
}

/**
 * The smallest sample whose interval of the accuracy is no wider than twice `halfWidth` where it shows what is expected: the
 * share `breaks`, rounded up to whole images. All survivors where nothing less does; 0 where there are none.
 */
export function sampleSize({ survivors, images, halfWidth, confidence, variants, breaks }: SampleTask): number {
  const each = confidenceEach(confidence, variants);
  const suffices = (sample: number, marked: number) =>
    width({ population: survivors, sample, marked }, each) <= 2 * halfWidth * images;
  const most = Math.max(1, Math.ceil(breaks * survivors - ROUNDING));
  // The largest sample that is expected to show `marked`: the first of them that suffices has the smallest within it.
  const largest = (marked: number) =>
    marked >= most ? survivors : Math.max(marked, Math.floor(marked / breaks + ROUNDING));
  if (survivors === 0) return 0;
  const marked = leastWith(1, most, (count) => suffices(largest(count), count));
  const smallest = marked === 1 ? 1 : largest(marked - 1) + 1;
  return leastWith(smallest, largest(marked), (sample) => suffices(sample, marked));
}

/** 1 / 0.01 is 100, and 3 / 0.03 is not. */
const ROUNDING = 1e-9;

function width(count: SampleCount, confidence: number): number {
  const [low, high] = markedInterval(count, confidence);
  return high - low;
}
