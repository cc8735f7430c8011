import { z } from 'zod';

/** How far a shard's adversarial examples are from their images, kept beside its result so that a report needs no data set. */

const perturbation = z.strictObject({
  /** Index in the data set; of every broken image, rising. */
  image: z.int().nonnegative(),
  /** Smallest distance, in the threat's norm, of an example that the model was seen to get wrong. */
  nearest: z.number().nonnegative(),
  /** The attack that made that one. */
  nearestBy: z.string(),
  /** Of the stored example, the first attack's: in the threat's norm, and in L2, which tells apart those that use the whole ball. */
  distance: z.number().nonnegative(),
  l2: z.number().nonnegative(),
});
export type Perturbation = z.infer<typeof perturbation>;

export const perturbationsSchema = z.strictObject({
  schema: z.literal('igd.perturbations/1'),
  variant: z.string(),
  images: z.array(perturbation),
});

const picture = z.strictObject({
  image: z.int().nonnegative(),
  /** Pixels of each of the three, and how many of the image's make one of theirs, either way. */
  width: z.int().positive(),
  height: z.int().positive(),
  reduced: z.int().positive(),
  /** The difference is multiplied by this and lies around grey. */
  amplified: z.number().positive(),
  /** PNG, base64. */
  clean: z.base64(),
  adversarial: z.base64(),
  difference: z.base64(),
});
/** An image, its adversarial example, and what they differ by, small enough for a page. */
export type Picture = z.infer<typeof picture>;

/** Of the least and the most perturbed images of a shard; of none where images are neither grey nor colour. */
export const picturesSchema = z.strictObject({
  schema: z.literal('igd.pictures/1'),
  variant: z.string(),
  pictures: z.array(picture),
});
