import { DatasetError } from '../errors.ts';
import { float16ToFloat32, sizeOf, type Tensor } from '../numeric/tensor.ts';
import type { Note } from '../schemas/notes.ts';
import { insteadOfImages, isChannels } from './array-advice.ts';
import type { DatasetParts } from './dataset.ts';

/** Images as an array has them; of floats, after a look at their range. Throws DatasetError. */
export function imagesOf(tensor: Tensor, where: string): Pick<DatasetParts, 'pixels' | 'imageShape' | 'notes'> {
  const { type, dims, data } = tensor;
  // Grey images without an axis of channels: as many as there are labels.
  const [count = 0, a = 0, b = 0, c = 0] = dims.length === 3 ? [dims[0], 1, dims[1], dims[2]] : dims;
  if ((dims.length === 4 || dims.length === 3) && sizeOf(dims) > 0) {
    if (isChannels(a) && type === 'uint8') return { pixels: data, imageShape: [a, b, c] };
    if (isChannels(c) && type === 'uint8')
      return { pixels: channelsFirst(data, count, a * b, c), imageShape: [c, a, b] };
    if (isChannels(a) && (type === 'float16' || type === 'float32' || type === 'float64')) {
      const pixels = type === 'float16' ? float16ToFloat32(data) : data;
      return { pixels, imageShape: [a, b, c], notes: clipped(pixels, where) };
    }
  }
  throw new DatasetError(`${where}: images of ${type} [${dims.join(', ')}] cannot be used; ${insteadOfImages(tensor)}`);
}

/** Bytes [count, size, channels] to [count, channels, size]. */
export function channelsFirst(bytes: Uint8Array, count: number, size: number, channels: number): Uint8Array {
  const planes = new Uint8Array(bytes.length);
  let to = 0;
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const first = image * size * channels + channel;
      for (let pixel = 0; pixel < size; pixel++) planes[to++] = bytes[first + pixel * channels]!;
    }
  }
  return planes;
}

/** What undoing a normalisation or a bicubic resize leaves outside [0, 1]. */
const ROUNDING = 1e-6;

/** Clips values a rounding error outside [0, 1], in place, and says so. Throws DatasetError where one is NaN or further out. */
function clipped(values: Float32Array | Float64Array, where: string): Note[] {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) throw new DatasetError(`${where}: value ${i} of the images is NaN; images lie in [0, 1]`);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least >= 0 && most <= 1) return [];
  if (least >= -ROUNDING && most <= 1 + ROUNDING) {
    for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i]!, 0), 1);
    return [{ code: 'clipped', message: `images of ${where} hold values from ${least} to ${most}: clipped to [0, 1]` }];
  }
  const cause = causeOf(least, most);
  throw new DatasetError(`${where}: the images hold values from ${least} to ${most}, not in [0, 1]: ${cause}`);
}

/** Within this of [0, 1] nobody has scaled images otherwise: a resize or an attack went too far. */
const NEAR = 0.2;

function causeOf(least: number, most: number): string {
  if (!Number.isFinite(most - least)) return 'infinite values are of no image; look for a division by 0';
  if (least >= -NEAR && most <= 1 + NEAR) return 'clip them, numpy.clip(x, 0, 1)';
  return least >= 0
    ? 'divide by 255, or save them as uint8'
    : 'undo the normalisation: igd normalises inside the model';
}
