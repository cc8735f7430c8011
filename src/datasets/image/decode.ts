import type { Sharp } from 'sharp';
import { DatasetError, messageOf, RunError } from '../../errors.ts';
import { type ByteImage, type FilterName, resample } from '../../numeric/resample.ts';
import type { Preprocessing } from '../../schemas/config.ts';

/** What is done to a decoded image: its shorter side resized, or both whatever their ratio, then the centre cut out. */
interface Recipe {
  readonly resize?: { readonly side: 'shorter' | 'both'; readonly to: number; readonly filter: FilterName };
  readonly crop: number;
}

/**
 * RobustBench's, by its names; each ends in torchvision's ToTensor. https://github.com/RobustBench/robustbench robustbench/data.py
 * The last three are what it takes from the configurations of AlexNet, XCiT and DeiT in timm, where they have no names.
 */
const RECIPES: Readonly<Record<Exclude<Preprocessing, 'none'>, Recipe>> = {
  Crop288: { crop: 288 },
  Res224: { resize: { side: 'both', to: 224, filter: 'bilinear' }, crop: 224 },
  Res256Crop224: { resize: { side: 'shorter', to: 256, filter: 'bilinear' }, crop: 224 },
  BicubicRes256Crop224: { resize: { side: 'shorter', to: 256, filter: 'bicubic' }, crop: 224 },
  Res224Crop224: { resize: { side: 'shorter', to: 224, filter: 'bilinear' }, crop: 224 },
  BicubicRes224Crop224: { resize: { side: 'shorter', to: 224, filter: 'bicubic' }, crop: 224 },
  BicubicRes248Crop224: { resize: { side: 'shorter', to: 248, filter: 'bicubic' }, crop: 224 },
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
  const { side, to } = resize;
  const { width, height } = side === 'both' ? { width: to, height: to } : resizedShape(image, to);
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

/**
 * As PIL reads images: orientation tags and colour profiles are left alone, and only what is broken is refused, not what
 * libjpeg merely warns of, as some of ImageNet's files make it.
 */
const AS_PIL = { failOn: 'error', ignoreIcc: true } as const;

let library: Promise<typeof import('sharp')> | undefined;

/** sharp, loaded where images are decoded: the service's functions plan runs without it. Throws RunError where it is not installed. */
async function loadSharp() {
  library ??= import('sharp').then((module) => {
    // libvips would keep what it decoded, and start a thread per core for every image.
    module.default.cache(false);
    module.default.concurrency(1);
    return module;
  });
  try {
    return (await library).default;
  } catch (cause) {
    throw new RunError(`images cannot be decoded here, sharp does not load: ${messageOf(cause)}`, { cause });
  }
}

/**
 * A JPEG, PNG or WebP as PIL's `convert('RGB')` gives it, but for grey PNGs of 16 bits: these are scaled to 8, where PIL cuts what is above
 * 255; `surveyImages` says so. Throws DatasetError; `where` names the file.
 */
export async function decodeRgb(bytes: Uint8Array, where: string): Promise<ByteImage> {
  const sharp = await loadSharp();
  try {
    const image = sharp(bytes, AS_PIL);
    const { space } = await image.metadata();
    if (space !== 'cmyk') return rgbOf(await rawOf(image));
    return rgbOfCmyk(await rawOf(image.pipelineColourspace('cmyk').toColourspace('cmyk')));
  } catch (cause) {
    throw undecodable(cause, where);
  }
}

async function rawOf(image: Sharp): Promise<ByteImage> {
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** Drops alpha, with nothing blended, and repeats grey, which sharp hands over as one channel or three. */
function rgbOf({ data, width, height, channels }: ByteImage): ByteImage {
  if (channels === 3) return { data, width, height, channels };
  const rgb = new Uint8Array(width * height * 3);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + green]!;
    rgb[to + 2] = data[from + blue]!;
  }
  return { data: rgb, width, height, channels: 3 };
}

/** PIL knows no ink profiles: a colour is what its ink and black let through. */
function rgbOfCmyk({ data, width, height }: ByteImage): ByteImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4) {
    const light = 255 - data[from + 3]!;
    for (let ink = 0; ink < 3; ink++) rgb[to++] = light - byteProduct(data[from + ink]!, light);
  }
  return { data: rgb, width, height, channels: 3 };
}

/** a * b / 255, rounded as PIL's MULDIV255 does. */
function byteProduct(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

function undecodable(cause: unknown, where: string): DatasetError {
  return new DatasetError(
    `${where}: is no readable JPEG, PNG or WebP image (${messageOf(cause).replaceAll(/\s+/g, ' ').trim()}); get it again, or leave it out`,
    { cause },
  );
}
