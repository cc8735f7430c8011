import { requireFewUnpredicted } from '../../attacks/core/unpredicted.ts';
import { wilsonInterval } from '../../numeric/statistics.ts';
import type { Comparison, Report, Share } from '../../schemas/report.ts';
import type { ImageOutcome, TransferResult } from '../../schemas/results.ts';
import { type DistinctImages, distinctImages } from './distinct-images.ts';
import { known, refuseImages, type VariantOutcomes } from './outcomes.ts';

export type Measure = Comparison['measure'];

/** One variant, and whether it is right on each image, under every measure. */
export interface ScoredVariant extends VariantOutcomes {
  /** The same for every variant. */
  readonly distinct: DistinctImages;
  /** Place for place with `images`: right under the measure or not. */
  readonly right: Readonly<Record<Measure, readonly boolean[]>>;
  /** Likewise on each source's adversarial example; on the clean image where the source has none. */
  readonly transfer: readonly { readonly source: string; readonly right: readonly boolean[] }[];
  /** Images that it gives no prediction on, as they are and near there. */
  readonly unpredicted: { readonly clean: readonly number[]; readonly attacked: readonly number[] };
}

/** Scores every variant on its own attack and on the adversarial examples of every other. */
export function scoreVariants(
  outcomes: readonly VariantOutcomes[],
  transfers: readonly TransferResult[],
  copies: readonly (readonly number[])[] = [],
): ScoredVariant[] {
  const predictions = collectPredictions(outcomes, transfers);
  const distinct = distinctImages(outcomes[0]?.images.map(({ image }) => image) ?? [], copies);
  return outcomes.map((target) => {
    const clean = target.images.map(({ label, cleanPrediction }) => label === cleanPrediction);
    const robust = target.images.map(({ brokenBy }, place) => clean[place] === true && brokenBy === null);
    const transfer = outcomes.map((source) => ({
      source: source.variant.id,
      right: source === target ? robust : rightOn(target, source, predictions.get(pairOf(target, source))),
    }));
    const worst = robust.map((isRobust, place) => isRobust && transfer.every(({ right }) => right[place]));
    const unpredicted = unpredictedOf(target, outcomes, predictions);
    return { ...target, distinct, right: { clean, robust, 'worst-case': worst }, transfer, unpredicted };
  });
}

/** Throws RunError where they are more than a run goes on with, shard by shard though each had few. */
function unpredictedOf(
  target: VariantOutcomes,
  outcomes: readonly VariantOutcomes[],
  predictions: ReadonlyMap<string, Predictions>,
): ScoredVariant['unpredicted'] {
  const numbers = (images: readonly ImageOutcome[]) => images.map(({ image }) => image);
  const clean = numbers(target.images.filter(({ cleanPrediction }) => cleanPrediction === null));
  const near = numbers(target.images.filter(({ unpredicted }) => unpredicted !== undefined));
  const transferred = outcomes.flatMap((source) =>
    [...(predictions.get(pairOf(target, source)) ?? [])].filter(([, prediction]) => prediction === null),
  );
  const attacked = [...new Set([...near, ...transferred.map(([image]) => image)])].sort((a, b) => a - b);
  requireFewUnpredicted([...clean, ...attacked], `variant ${target.variant.id}`);
  return { clean, attacked };
}

/** How many of `right` are true, as a share with its interval. */
export function shareOf(right: readonly boolean[], { effective }: DistinctImages): Share {
  const correct = right.filter(Boolean).length;
  return { accuracy: correct / right.length, correct, interval: wilsonInterval(correct, right.length, effective) };
}

/** Accuracy on each source's examples, as the report tells it. */
export function transferRows({ transfer, distinct }: ScoredVariant): Report['variants'][number]['transfer'] {
  return transfer.map(({ source, right }) => {
    const { accuracy, interval } = shareOf(right, distinct);
    return { source, accuracy, interval };
  });
}

type Predictions = ReadonlyMap<number, number | null>;

/** Names the variant evaluated and the source, in error messages too. */
function pairOf(target: VariantOutcomes, source: VariantOutcomes): string {
  return `transfer to ${target.variant.id} from ${source.variant.id}`;
}

/** Predictions by pair of variants. Those of a variant on its own examples go unused: its own attack counts. */
function collectPredictions(
  outcomes: readonly VariantOutcomes[],
  transfers: readonly TransferResult[],
): ReadonlyMap<string, Predictions> {
  const byId = new Map(outcomes.map((variant) => [variant.variant.id, variant]));
  const pairs = new Map<string, Map<number, number | null>>();
  for (const { variant, sources } of transfers) {
    const target = known(byId, variant, 'variant');
    for (const { variant: id, predictions } of sources) {
      const pair = pairOf(target, known(byId, id, 'variant'));
      const found = pairs.get(pair) ?? new Map<number, number | null>();
      pairs.set(pair, found);
      for (const { image, prediction } of predictions) {
        if (found.has(image)) refuseImages([image], `${pair}: images predicted twice`);
        found.set(image, prediction);
      }
    }
  }
  return pairs;
}

function rightOn(target: VariantOutcomes, source: VariantOutcomes, predictions: Predictions = new Map()): boolean[] {
  const broken = source.images.filter(({ brokenBy }) => brokenBy !== null).map(({ image }) => image);
  const examples = new Set(broken);
  const pair = pairOf(target, source);
  refuseImages(
    broken.filter((image) => !predictions.has(image)),
    `${pair}: images not evaluated (run it again to have them done)`,
  );
  refuseImages(
    [...predictions.keys()].filter((image) => !examples.has(image)),
    `${pair}: images evaluated without an adversarial example`,
  );
  return target.images.map(({ image, label, cleanPrediction }) => {
    const prediction = predictions.get(image);
    return (prediction === undefined ? cleanPrediction : prediction) === label;
  });
}
