import type { Picture } from '../schemas/perturbations.ts';
import { type Bitmap, encodePng } from './png.ts';

/** Pixels a side at most: CIFAR's as they are, ImageNet's reduced by four. */
const LARGEST_SIDE = 64;

/** What a difference may be multiplied by, so that a reader can divide by it in the head. */
const FACTORS = [500, 200, 100, 50, 20, 10, 5, 2, 1];

/** Shape of one image, [C, H, W]. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** An image and its adversarial example, [C, H, W] in [0, 1], drawn; undefined where C is neither 1 nor 3. */
export function drawPicture(
  image: number,
  clean: Float32Array,
  adversarial: Float32Array,
  shape: ImageShape,
): Picture | undefined {
  const [planes, height, width] = shape;
  const channels = planes === 1 ? 1 : planes === 3 ? 3 : undefined;
  if (channels === undefined) return undefined;
  const reduced = Math.ceil(Math.max(height, width) / LARGEST_SIDE);
  const size: Omit<Bitmap, 'pixels'> = {
    channels,
    height: Math.ceil(height / reduced),
    width: Math.ceil(width / reduced),
  };
  const shrink = (x: Float32Array) => average(x, shape, reduced);
  const [before, after] = [shrink(clean), shrink(adversarial)];
  const difference = before.map((value, k) => after[k]! - value);
  const largest = difference.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const amplified = FACTORS.find((factor) => factor * largest <= 0.5) ?? 1;
  const draw = (x: Float32Array) => encodePng(bitmapOf(x, size)).toString('base64');
  return {
    image,
    width: size.width,
    height: size.height,
    reduced,
    amplified,
    clean: draw(before),
    adversarial: draw(after),
    difference: draw(difference.map((value) => 0.5 + amplified * value)),
  };
}

/** The mean of every block of `by` x `by` pixels, smaller at the right and lower edges. */
function average(x: Float32Array, [channels, height, width]: ImageShape, by: number): Float32Array {
  if (by === 1) return x;
  const [rows, columns] = [Math.ceil(height / by), Math.ceil(width / by)];
  const means = new Float32Array(channels * rows * columns);
  for (let place = 0; place < means.length; place++) {
    const [c, r, q] = [Math.floor(place / (rows * columns)), Math.floor(place / columns) % rows, place % columns];
    let [sum, count] = [0, 0];
    for (let y = r * by; y < Math.min((r + 1) * by, height); y++)
      for (let column = q * by; column < Math.min((q + 1) * by, width); column++) {
        sum += x[(c * height + y) * width + column]!;
        count += 1;
      }
    means[place] = sum / count;
  }
  return means;
}

function bitmapOf(x: Float32Array, { channels, height, width }: Omit<Bitmap, 'pixels'>): Bitmap {
  const pixels = new Uint8Array(x.length);
  const area = height * width;
  for (let c = 0; c < channels; c++)
    for (let k = 0; k < area; k++)
      pixels[k * channels + c] = Math.round(255 * Math.min(Math.max(x[c * area + k]!, 0), 1));
  return { channels, height, width, pixels };
}
