import type { RandomSource } from '../../random/stream.ts';
import type { AttackedModel } from '../attack.ts';

/** [C, H, W] */
export type ImageShape = AttackedModel['imageShape'];

/** A rectangle of pixels. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * A square at a random place. As in `square.py` the last row and the last column are never reached, unless the square is
 * as high or as wide as the image.
 */
export function randomSquare(stream: RandomSource, [, height, width]: ImageShape, side: number): Window {
  const top = stream.integer(height - side);
  return { top, left: stream.integer(width - side), height: side, width: side };
}

/** As many squares of a fifth of the shorter side as fit side by side, in the middle of the image. */
export function tiles([, height, width]: ImageShape): Window[] {
  const side = Math.max(1, Math.floor(Math.min(height, width) / 5));
  const starts = (length: number) => {
    const count = Math.floor(length / side);
    const margin = Math.floor((length - count * side) / 2);
    return Array.from({ length: count }, (_, i) => margin + i * side);
  };
  return starts(height).flatMap((top) => starts(width).map((left) => ({ top, left, height: side, width: side })));
}

/** What two windows share; empty where they are apart. */
export function overlapOf(a: Window, b: Window): Window {
  const top = Math.max(a.top, b.top);
  const left = Math.max(a.left, b.left);
  const height = Math.max(0, Math.min(a.top + a.height, b.top + b.height) - top);
  const width = Math.max(0, Math.min(a.left + a.width, b.left + b.width) - left);
  return { top, left, height, width };
}

/** Copies all channels of a window from one image to another. */
export function copyWindow(from: Float32Array, to: Float32Array, window: Window, shape: ImageShape): void {
  for (let c = 0; c < shape[0]; c++) {
    for (let row = 0; row < window.height; row++) {
      const start = rowStart(window, c, row, shape);
      for (let k = start; k < start + window.width; k++) to[k] = from[k]!;
    }
  }
}

/** Writes to `places` where in an image the pixels of a window in channel c are, row by row; gives their number. */
export function placesIn(window: Window, c: number, shape: ImageShape, places: Int32Array): number {
  let count = 0;
  for (let row = 0; row < window.height; row++) {
    const start = rowStart(window, c, row, shape);
    for (let k = start; k < start + window.width; k++) places[count++] = k;
  }
  return count;
}

/** Where a row of a window begins in channel c of an image; rows count from the window's top. */
export function rowStart({ top, left }: Window, c: number, row: number, [, height, width]: ImageShape): number {
  return (c * height + top + row) * width + left;
}

/** -1 or 1. */
export function randomSign(stream: RandomSource): number {
  return stream.uniform() < 0.5 ? -1 : 1;
}
