import type { Preprocessing } from '../../contracts/config.ts';
import { type ByteImage, type FilterName, resample } from './resample.ts';

/** What is done to a decoded image: its shorter side resized, then the centre cut out. */
interface Recipe {
  readonly resize?: { readonly shorter: number; readonly filter: FilterName };
  readonly crop: number;
}

/** RobustBench's, by its names; each ends in torchvision's ToTensor. https://github.com/RobustBench/robustbench robustbench/data.py */
const RECIPES: Readonly<Record<Exclude<Preprocessing, 'none'>, Recipe>> = {
  Crop288: { crop: 288 },
  Res256Crop224: { resize: { shorter: 256, filter: 'bilinear' }, crop: 224 },
  BicubicRes256Crop224: { resize: { shorter: 256, filter: 'bicubic' }, crop: 224 },
};

/** The side of the square images a preprocessing gives; undefined for `none`, which leaves images as they are. */
export function croppedSide(preprocessing: Preprocessing): number | undefined {
  return preprocessing === 'none' ? undefined : RECIPES[preprocessing].crop;
}

/** An image as the preprocessing gives it, byte for byte what torchvision makes of the same PIL image. */
export function preprocess(image: ByteImage, preprocessing: Preprocessing): ByteImage {
  if (preprocessing === 'none') return image;
  const { resize, crop } = RECIPES[preprocessing];
  if (resize === undefined) return centerCrop(image, crop);
  const { width, height } = resizedShape(image, resize.shorter);
  // Only what the crop keeps is computed; smaller crops than the shorter side need no padding.
  const box = { left: cropStart(width, crop), top: cropStart(height, crop), width: crop, height: crop };
  return resample(image, width, height, resize.filter, box);
}

/** torchvision's Resize of one number: the shorter side gets it, the longer is cut down to a whole number. */
function resizedShape({ width, height }: ByteImage, shorter: number): { width: number; height: number } {
  const longer = Math.trunc((shorter * Math.max(width, height)) / Math.min(width, height));
  return width <= height ? { width: shorter, height: longer } : { width: longer, height: shorter };
}

/** torchvision's CenterCrop: zeros around an image that is smaller, more of them on the right and below where odd. */
export function centerCrop({ data, width, height, channels }: ByteImage, side: number): ByteImage {
  const cropped = new Uint8Array(side * side * channels);
  const [left, top] = [cropStart(width, side), cropStart(height, side)];
  const [from, to] = [Math.max(left, 0), Math.min(left + side, width)];
  for (let y = Math.max(top, 0); y < Math.min(top + side, height); y++) {
    const row = data.subarray((y * width + from) * channels, (y * width + to) * channels);
    cropped.set(row, ((y - top) * side + from - left) * channels);
  }
  return { data: cropped, width: side, height: side, channels };
}

/** Where a crop starts: Python's round, half to even; negative, and rounded down in size, where the image is smaller. */
function cropStart(size: number, side: number): number {
  if (size < side) return -Math.floor((side - size) / 2);
  const half = (size - side) / 2;
  const down = Math.floor(half);
  return half - down === 0.5 && down % 2 === 1 ? down + 1 : down;
}
