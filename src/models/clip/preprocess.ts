import { resample } from '../../numeric/resample.ts';
import { float32, type TypedTensor } from '../../numeric/tensor.ts';

/** Mean and standard deviation of the images CLIP was trained on: https://github.com/openai/CLIP, clip/clip.py, _transform. */
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];

/**
 * CLIP's preprocessing of images [N, C, H, W] in [0, 1], C 3 or 1 (grey): the shorter side resized to `resolution`, bicubic,
 * the middle cut out, normalised. [N, 3, R, R]. The original works on 8-bit images, so values go to the nearest byte first:
 * images made of bytes are what they were.
 */
export function preprocess(
  pixels: Float32Array,
  [channels, height, width]: readonly [number, number, number],
  resolution: number,
): TypedTensor<'float32'> {
  const size = height * width;
  const count = pixels.length / (channels * size);
  const out = float32([count, 3, resolution, resolution]);
  for (let c = 0; c < 3; c++) {
    const values = Float32Array.from({ length: 256 }, (_, byte) => normalised(byte, c));
    for (let image = 0; image < count; image++) {
      const from = (image * channels + Math.min(c, channels - 1)) * size;
      const bytes = Uint8Array.from(pixels.subarray(from, from + size), (value) => Math.round(255 * value));
      const square = resizedSquare(bytes, height, width, resolution);
      const to = (image * 3 + c) * resolution ** 2;
      for (let i = 0; i < square.length; i++) out.data[to + i] = values[square[i]!]!;
    }
  }
  return out;
}

/** torchvision's Resize and CenterCrop of a channel: the longer side is truncated, the margin rounded half to even. */
export function resizedSquare(channel: Uint8Array, height: number, width: number, resolution: number): Uint8Array {
  const shorter = Math.min(height, width);
  const [newHeight, newWidth] = [height, width].map((side) => Math.trunc((resolution * side) / shorter)) as [
    number,
    number,
  ];
  const top = halfToEven((newHeight - resolution) / 2);
  const left = halfToEven((newWidth - resolution) / 2);
  const box = { left, top, width: resolution, height: resolution };
  return resample({ data: channel, width, height, channels: 1 }, newWidth, newHeight, 'bicubic', box).data;
}

/** In float32 steps, as ToTensor and Normalize take them. */
function normalised(byte: number, channel: number): number {
  const [mean, std] = [Math.fround(MEAN[channel]!), Math.fround(STD[channel]!)];
  return Math.fround(Math.fround(byte / 255) - mean) / std;
}

/** Python's round(). */
function halfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
