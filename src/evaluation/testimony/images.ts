import { gatherRows } from '../../numeric/rows.ts';
import { sizeOf } from '../../numeric/tensor.ts';
import type { TestimonyImages } from './deviations.ts';

/** What a testimony needs of a dataset. */
export interface ImageSource {
  readonly count: number;
  readonly imageShape: readonly [number, number, number];
  /** The images of these indices. */
  gather(indices: ArrayLike<number>): Promise<Float32Array>;
}

/** Enough for means over images to be near by .05 of a standard deviation; a testimony costs as many forward passes. */
const IMAGES = 128;
/** What other readings are searched on: one is nearer than another on the same images, however few. */
export const FEW_IMAGES = 64;

/** Images from all over the data: folders and archives have their classes one after the other. */
export async function testimonyImages({ count, imageShape, gather }: ImageSource): Promise<TestimonyImages> {
  return { x: await gather(spread(count, IMAGES)), imageShape };
}

/** Some of them, as far apart. */
export function fewOf({ x, imageShape }: TestimonyImages): TestimonyImages {
  const size = sizeOf(imageShape);
  return { x: gatherRows(x, spread(x.length / size, FEW_IMAGES), size), imageShape };
}

/** `most` of `count` indices at most, evenly spaced. */
function spread(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}

/** Mean and standard deviation of all values of CIFAR-10, CIFAR-100 and ImageNet are .45 to .48 and .25 to .28. */
const ORDINARY = { mean: [0.35, 0.6], std: [0.17, 0.33] } as const;

/** Whether images are as bright and as rich in contrast as those that networks are trained on: not dark, pale, or in another range. */
export function areOrdinary({ x }: TestimonyImages): boolean {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const std = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length);
  const within = (value: number, [low, high]: readonly [number, number]) => low <= value && value <= high;
  return within(mean, ORDINARY.mean) && within(std, ORDINARY.std);
}
