import { keyedStream } from '../../numeric/random.ts';
import type { ImageOutcome } from '../../schemas/results.ts';
import { type AuditBound, PLANNED_BREAKS, sampleSize } from './sample-size.ts';

/** Images that a suite left robust: what an audit may sample. In the order they come. */
export function survivorsIn(outcomes: readonly ImageOutcome[]): number[] {
  return outcomes.flatMap(({ image, label, cleanPrediction, brokenBy }) =>
    cleanPrediction === label && brokenBy === null ? [image] : [],
  );
}

export interface SampleOptions extends AuditBound {
  /** Of the run: those that break before an audit count, too. */
  readonly images: number;
  /** Of the run. */
  readonly variants: number;
  readonly seed: number;
}

/** The survivors that an audit looks at, as many as its bound needs; rising by number. */
export function plannedSample(survivors: readonly number[], { seed, ...bound }: SampleOptions): number[] {
  const size = sampleSize({ ...bound, survivors: survivors.length, breaks: PLANNED_BREAKS });
  return auditSample(survivors, size, seed);
}

/**
 * The first `size` of the survivors in an order that depends on the seed and each image's number alone: the same for every
 * variant, however the run was cut up and in whatever order the survivors come. Rising by number.
 */
export function auditSample(survivors: readonly number[], size: number, seed: number): number[] {
  const ranked = survivors.map((image) => ({ image, place: keyedStream([seed, 'audit', image]).uniform() }));
  ranked.sort((a, b) => a.place - b.place || a.image - b.image);
  return ranked
    .slice(0, size)
    .map(({ image }) => image)
    .sort((a, b) => a - b);
}
