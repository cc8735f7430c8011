import { evaluateQuantised, type FoundExample } from '../evaluation/quantised.ts';
import { distinctImages } from '../report/summary/distinct-images.ts';
import { summariseQuantised } from '../report/summary/quantised.ts';
import { shareOf } from '../report/summary/variants.ts';
import type { QuantisedReport, Share } from '../schemas/report.ts';
import type { ImageOutcome, QuantisedExamples } from '../schemas/results.ts';
import type { JobContext } from './jobs/job-context.ts';
import { type AdversarialExample, shardResult } from './results.ts';

/** A variant's examples as files of images would hold them. */
export interface QuantisedVariant {
  readonly variant: string;
  /** With its examples as they are. */
  readonly robust: Share;
  readonly quantised: QuantisedReport;
}

/** Rounds the examples of a shard of a variant, and evaluates them on its model. */
export async function quantiseShard(
  context: JobContext,
  variant: string,
  examples: readonly AdversarialExample[],
  bits: number,
): Promise<QuantisedExamples> {
  const { threat, seed, compute } = context.plan.config;
  const [model, test] = await Promise.all([context.model(variant), context.test()]);
  const found: FoundExample[] = [];
  for (const { outcome, brokenBy, x } of examples) {
    const { image, label } = outcome;
    found.push({ image, label, brokenBy, x, clean: await test.gather([image]) });
  }
  return evaluateQuantised(model, found, { bits, threat, seed, batchSize: compute.batchSize });
}

/** What the shards of a variant say together, in the order of the plan's. Throws RunError where one is missing. */
export async function quantisedVariant(
  { plan, runs }: JobContext,
  variant: string,
  parts: readonly QuantisedExamples[],
): Promise<QuantisedVariant[]> {
  const images: ImageOutcome[] = [];
  for (const shard of plan.shards.keys()) images.push(...(await shardResult(runs, variant, shard)).images);
  const distinct = distinctImages(
    images.map(({ image }) => image),
    plan.inputs.copies ?? [],
  );
  const isRobust = ({ label, cleanPrediction, brokenBy }: ImageOutcome) =>
    label === cleanPrediction && brokenBy === null;
  const quantised = summariseQuantised({ id: variant, images, parts, distinct });
  return quantised === undefined ? [] : [{ variant, robust: shareOf(images.map(isRobust), distinct), quantised }];
}
