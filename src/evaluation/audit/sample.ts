import { keyedStream } from '../../numeric/random.ts';

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
