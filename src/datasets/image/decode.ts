import type { Sharp } from 'sharp';
import { DatasetError, messageOf, RunError } from '../../contracts/errors.ts';
import type { ByteImage } from './resample.ts';

/**
 * As PIL reads images: orientation tags and colour profiles are left alone, and only what is broken is refused, not what
 * libjpeg merely warns of, as some of ImageNet's files make it.
 */
const AS_PIL = { failOn: 'error', ignoreIcc: true } as const;

let library: Promise<typeof import('sharp')> | undefined;

/** sharp, loaded for images alone: the service's functions plan runs without it. Throws RunError where it is not installed. */
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

/** A JPEG, PNG or WebP as PIL's `convert('RGB')` gives it. Throws DatasetError; `where` names the file. */
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

/** Width and height from the header alone. Throws DatasetError; `where` names the file. */
export async function imageSize(bytes: Uint8Array, where: string): Promise<{ width: number; height: number }> {
  const sharp = await loadSharp();
  const { width, height } = await sharp(bytes, AS_PIL)
    .metadata()
    .catch((cause: unknown) => {
      throw undecodable(cause, where);
    });
  return { width, height };
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
