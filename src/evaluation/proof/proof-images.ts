import { keyedStream } from '../../numeric/random.ts';

/** Images a proof is made on at most, and at least: neighbours need two. */
export const MOST_IMAGES = 6;
export const FEWEST_IMAGES = 2;

/** Images stay so far from 0 and 1 that a step in any direction leaves them in [0, 1]. */
const MARGIN = 0.05;

/** What proofs need of a dataset: images first to first + count - 1. */
export interface ImageSource {
  readonly count: number;
  pixels(first: number, count: number): Promise<Float32Array>;
}

/**
 * Images of the data, where there is some, and random ones: [MOST_IMAGES, imageSize] in [.05, .95]. The first two are one of
 * each, so that every number of first images has both.
 */
export async function proofImages(data: ImageSource | undefined, imageSize: number): Promise<Float32Array> {
  const fromData = Math.min(data?.count ?? 0, MOST_IMAGES - 2);
  const read = data === undefined || fromData === 0 ? new Float32Array() : await data.pixels(0, fromData);
  const images = new Float32Array(MOST_IMAGES * imageSize);
  const places = [...Array(MOST_IMAGES).keys()];
  // Random ones at 1 and last, and wherever the data has no more.
  const dataPlaces = places.filter((place) => place !== 1 && place !== MOST_IMAGES - 1).slice(0, fromData);
  for (const place of places) {
    const target = images.subarray(place * imageSize, (place + 1) * imageSize);
    const from = dataPlaces.indexOf(place);
    if (from >= 0) target.set(read.subarray(from * imageSize, (from + 1) * imageSize));
    else fillRandom(target, place);
  }
  return images.map((value) => MARGIN + (1 - 2 * MARGIN) * value);
}

/** Noise: of the whole range at 1, which every proof has, of another brightness and contrast in every other image. */
function fillRandom(image: Float32Array, place: number): void {
  const random = keyedStream(['proof', place]);
  const [low, high] = place === 1 ? [0, 1] : [random.uniform() * 0.5, 0.5 + random.uniform() * 0.5];
  for (let at = 0; at < image.length; at++) image[at] = low + (high - low) * random.uniform();
}
