import type { QuantisedReport } from '../../schemas/report.ts';
import type { ImageOutcome, QuantisedExamples } from '../../schemas/results.ts';
import type { DistinctImages } from './distinct-images.ts';
import { refuseImages } from './outcomes.ts';
import { shareOf } from './variants.ts';

/** What a variant's shards found, and what they say of its rounded examples, in whatever order they come. */
interface RoundedVariant {
  readonly id: string;
  readonly images: readonly ImageOutcome[];
  readonly parts: readonly (QuantisedExamples | undefined)[];
  readonly distinct: DistinctImages;
}

/**
 * Accuracy where adversarial examples are rounded: an image is right if it is on the clean image, and on its rounded example where it
 * has one. undefined where a shard says nothing of it, as of runs before it was looked at. Throws RunError where the results are of
 * other examples.
 */
export function summariseQuantised({ id, images, parts, distinct }: RoundedVariant): QuantisedReport | undefined {
  const known = parts.flatMap((part) => part ?? []);
  const [first] = known;
  if (first === undefined || known.length < parts.length || known.some(({ bits }) => bits !== first.bits)) return;
  const broken = new Set(images.flatMap(({ image, brokenBy }) => (brokenBy === null ? [] : [image])));
  const restored = new Set(known.flatMap(({ right }) => right));
  const unpredicted = known.flatMap((part) => part.unpredicted ?? []);
  const foreign = [...restored, ...unpredicted].filter((image) => !broken.has(image));
  refuseImages(foreign, `variant ${id}: images whose examples are rounded though no attack broke them`);
  const robust = images.map(
    ({ image, label, cleanPrediction, brokenBy }) =>
      label === cleanPrediction && (brokenBy === null || restored.has(image)),
  );
  return {
    bits: first.bits,
    robust: shareOf(robust, distinct),
    examples: broken.size,
    restored: restored.size,
    ...(unpredicted.length > 0 && { unpredicted: unpredicted.length }),
    outside: known.reduce((sum, { outside }) => sum + outside, 0),
    offGrid: known.reduce((sum, { offGrid }) => sum + offGrid, 0),
  };
}
