import { z } from 'zod';

/** How far what BatchNorms read is from what they read in training, means over all of them. */
const distance = {
  /** |difference of means| in standard deviations, the median over channels. */
  mean: z.number().nonnegative(),
  /** |log of the ratio of variances|, the median over channels. */
  variance: z.number().nonnegative(),
};

/**
 * What the running statistics of a model's BatchNorms say of how it is read. `fits`: what they read is about what they read in
 * training. `doubtful`: it is not, or another reading comes nearer. `contradicted`: another reading is the right one. `none`: there
 * is no BatchNorm with running statistics to ask, or the images are too few.
 */
export const testimonySchema = z.strictObject({
  outcome: z.enum(['fits', 'doubtful', 'contradicted', 'none']),
  /** BatchNorms that were asked, and on how many images. */
  norms: z.int().nonnegative(),
  images: z.int().nonnegative(),
  ...distance,
  /** What the nearest other readings have otherwise, in words, where some are nearer: equally so, the first by this. */
  rival: z.strictObject({ readings: z.array(z.string()).min(1), ...distance }).optional(),
});
/** What the running statistics of a model's BatchNorms say of how it is read. */
export type Testimony = z.infer<typeof testimonySchema>;

function distanceText({ mean, variance }: Pick<Testimony, 'mean' | 'variance'>): string {
  return `${mean.toFixed(2)} standard deviations and a factor of ${Math.exp(variance).toFixed(2)} in variance`;
}

/** A testimony in words, without its name. */
export function testimonyText({ outcome, norms, images, rival, ...distance }: Testimony): string {
  if (norms === 0) return 'not testified: it has no BatchNorm with running statistics of its training';
  if (outcome === 'none') return `not testified: ${images} images are too few for its BatchNorms`;
  const asked = `${norms} BatchNorm${norms === 1 ? '' : 's'} on ${images} images`;
  const nearest = rival === undefined ? '' : `, with ${rival.readings.join(', or ')} by ${distanceText(rival)}`;
  const off = `${asked}: off what ${norms === 1 ? 'it' : 'they'} saw in training by ${distanceText(distance)}${nearest}`;
  if (outcome === 'fits') return `testified by ${off}`;
  if (outcome === 'contradicted') return `contradicted by ${off}`;
  return (
    `not borne out by ${off}. Are these images like those it was trained on, and is everything said of the model right? ` +
    'No reading that igd knows is clearly the right one'
  );
}
