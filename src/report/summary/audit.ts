import { RunError } from '../../errors.ts';
import { plannedSample, survivorsIn } from '../../evaluation/audit/sample.ts';
import { confidenceEach, sampleSize } from '../../evaluation/audit/sample-size.ts';
import { markedInterval } from '../../numeric/hypergeometric.ts';
import { imagesText } from '../../numeric/ranges.ts';
import type { AuditReport } from '../../schemas/report.ts';
import type { ImageOutcome, ShardResult } from '../../schemas/results.ts';
import { type RunFacts, sumOf, type VariantOutcomes } from './outcomes.ts';

/**
 * What the audit of a variant says, from all its shards in whatever order they come; undefined where none was asked for, or
 * there are no results of it. Throws RunError where the results are not those of the sample.
 */
export function summariseAudit(
  { variant, images }: VariantOutcomes,
  { run, variants }: RunFacts,
  results: readonly ShardResult[],
): AuditReport | undefined {
  const own = results.filter((result) => result.variant === variant.id);
  if (run.audit === undefined || own.length === 0) return undefined;
  const { suite, ...bound } = run.audit;
  const all = { ...bound, images: run.images, variants: variants.length };
  const survivors = survivorsIn(images);
  const sample = plannedSample(survivors, { ...all, seed: run.seed });
  const outcomes = own.flatMap((result) => result.images).sort((a, b) => a.image - b.image);
  requireSample(sample, outcomes, variant.id);
  const broken = outcomes.filter((outcome) => survivorsIn([outcome]).length === 0).map(({ image }) => image);
  const count = { population: survivors.length, sample: sample.length, marked: broken.length };
  const [least, most] = markedInterval(count, confidenceEach(bound.confidence, variants.length));
  const left = (lost: number) => (survivors.length - lost) / run.images;
  const share = sample.length === 0 ? 0 : broken.length / sample.length;
  return {
    suite,
    survivors: survivors.length,
    sample: sample.length,
    broken,
    accuracy: left(survivors.length * share),
    interval: [left(most), left(least)],
    confidence: bound.confidence,
    ...(most - least > 2 * bound.halfWidth * run.images && {
      needed: sampleSize({ ...all, survivors: survivors.length, breaks: share }),
    }),
    ...sumOf(own.flatMap(({ attacks }) => attacks)),
  };
}

function requireSample(sample: readonly number[], outcomes: readonly ImageOutcome[], variant: string): void {
  const found = outcomes.map(({ image }) => image);
  if (found.length === sample.length && sample.every((image, place) => image === found[place])) return;
  const [expected, got] = [sample, found].map((images) => (images.length === 0 ? 'none' : imagesText(images)));
  throw new RunError(
    `variant ${variant}: the audit's results are of other images (${got}) than its sample (${expected}): ` +
      `delete audit/${variant} in the run's folder and run it again`,
  );
}
