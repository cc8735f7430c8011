import { aggregate } from '../../../src/report/aggregate.ts';
import { outcomesOf, type RunOutcomes } from '../../../src/report/compare/run-outcomes.ts';
import { imagesCsv } from '../../../src/report/data-files.ts';
import type { ImageOutcome, ShardResult } from '../../../src/schemas/results.ts';
import { LOIR, makeRun, NONE, type RunOptions } from './fixture.ts';

export type Change = (outcome: ImageOutcome, variant: string) => Partial<ImageOutcome>;

/** A made-up run of variants none and loir on 200 images, with some of its outcomes changed, through its images.csv. */
export function changedRun(change: Change = () => ({}), options: RunOptions = {}): RunOutcomes & { csv: string } {
  const { facts, shards, transfers } = makeRun({ variants: [NONE, LOIR], images: 200, ...options });
  const changed = shards.map(
    (shard): ShardResult => ({
      ...shard,
      images: shard.images.map((outcome) => ({ ...outcome, ...change(outcome, shard.variant) })),
    }),
  );
  // What transfers is not compared: a changed image needs an example that was tried on the others.
  const tried = transfers.map((transfer) => ({
    ...transfer,
    sources: transfer.sources.map(({ variant }) => ({
      variant,
      predictions: changed
        .filter((shard) => shard.variant === variant)
        .flatMap(({ images }) => images.filter(({ brokenBy }) => brokenBy !== null))
        .map(({ image, label }) => ({ image, prediction: label })),
    })),
  }));
  const report = aggregate(facts, changed, tried);
  const csv = imagesCsv(report, changed);
  return { report, outcomes: outcomesOf(report, csv, 'images.csv'), csv };
}

/** Breaks the first n robust images of a variant by an attack. */
export function breaking(run: RunOutcomes, variant: string, count: number, attack = 'square'): Change {
  const robust = (run.outcomes.get(variant) ?? []).filter(
    ({ label, cleanPrediction, brokenBy }) => label === cleanPrediction && brokenBy === null,
  );
  const chosen = new Set(robust.slice(0, count).map(({ image }) => image));
  return ({ image, label }, id) =>
    id === variant && chosen.has(image) ? { brokenBy: attack, adversarialPrediction: (label + 1) % 10 } : {};
}
