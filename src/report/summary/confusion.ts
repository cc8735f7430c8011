import type { ImageOutcome, ShardResult } from '../../schemas/results.ts';

/** True class and prediction of a number of images; null where the model gives none. */
export interface Confusion {
  readonly label: number;
  readonly prediction: number | null;
  readonly images: number;
}

/** Which classes a variant takes for which. */
export interface Confusions {
  /** Of the images as they are. */
  readonly clean: readonly Confusion[];
  /** Of the adversarial example where there is one, of the image as it is where no attack broke it. */
  readonly attacked: readonly Confusion[];
}

/** The confusions of one variant, by class and prediction. However its images were cut into shards changes nothing. */
export function confusionsOf(variant: string, shards: readonly ShardResult[]): Confusions {
  const images = shards.filter((shard) => shard.variant === variant).flatMap((shard) => shard.images);
  return {
    clean: count(images, ({ cleanPrediction }) => cleanPrediction),
    attacked: count(images, ({ brokenBy, cleanPrediction, adversarialPrediction }) =>
      brokenBy === null ? cleanPrediction : adversarialPrediction,
    ),
  };
}

/** Images that are taken for another class, most first. */
export function mistakes(confusions: readonly Confusion[]): Confusion[] {
  return confusions.filter(({ label, prediction }) => label !== prediction).sort((a, b) => b.images - a.images);
}

function count(images: readonly ImageOutcome[], predictionOf: (image: ImageOutcome) => number | null): Confusion[] {
  const found = new Map<string, Confusion>();
  for (const image of images) {
    const { label } = image;
    const prediction = predictionOf(image);
    const key = `${label} ${prediction}`;
    found.set(key, { label, prediction, images: (found.get(key)?.images ?? 0) + 1 });
  }
  const place = ({ prediction }: Confusion) => prediction ?? Number.POSITIVE_INFINITY;
  return [...found.values()].sort((a, b) => a.label - b.label || place(a) - place(b) || 0);
}
