import type { RandomSource } from '../../numeric/random.ts';
import type { AttackedModel } from '../core/attack.ts';
import type { AttackSetup } from '../core/per-image-attack.ts';

/** What of the attack depends on the norm: the changes it tries. */
export interface SquareProposal {
  /** [imageSize] The point proposed; at first, the starting point. */
  readonly x: Float32Array;
  /** [imageSize] The best point kept so far; before the first, the clean image. */
  readonly best: Float32Array;
  /**
   * Makes x a change of `best`, in squares that cover this share of the pixels. False where it changed nothing.
   * Not called before the proposal before is kept or dropped.
   */
  propose(share: number): boolean;
  /** Makes `best` the point proposed. */
  keep(): void;
  /** Forgets the point proposed. */
  drop(): void;
}

/** What a proposal starts from; `saved` holds what `x` and `best` were. */
export interface ProposalContext {
  readonly clean: Float32Array;
  readonly stream: RandomSource;
  readonly saved?: SquareState | undefined;
}

/** Gives the proposals of one image; those of one setup may share scratch space. */
export type ProposalFactory = (setup: AttackSetup) => (context: ProposalContext) => SquareProposal;

export interface SquareState {
  /** Proposals made, the starting point not counted. */
  readonly iteration: number;
  /** Margin of `best`. */
  readonly margin: number;
  readonly x: Float32Array;
  readonly best: Float32Array;
}

/** Share of the image's pixels that the first squares cover (`p_init` in `autoattack.py` of fra31/auto-attack). */
const FIRST_SHARE = 0.8;
/** Iterations after which the share is halved, whatever the budget (`p_selection` of `square.py`, not rescaled). */
const HALVED_AFTER = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/** Share of the image's pixels that the square of an iteration covers; iterations count from 0. */
export function squareShare(iteration: number): number {
  return FIRST_SHARE / 2 ** HALVED_AFTER.filter((last) => iteration > last).length;
}

/** Side of a square that covers this share of the image, as far as the image's sides allow. */
export function squareSide(share: number, [, height, width]: ImageShape): number {
  return Math.min(Math.max(roundedSide(share, height * width), 1), height, width);
}

/** Where squares are bumps: odd, so that they have a middle, and large enough for a hill and a valley. */
export function bumpSide(share: number, [, height, width]: ImageShape): number {
  const side = Math.max(roundedSide(share, height * width), 3);
  return Math.min(side % 2 === 0 ? side + 1 : side, height, width);
}

/** Half to even, as Python rounds. */
function roundedSide(share: number, pixels: number): number {
  const side = Math.sqrt(share * pixels);
  const below = Math.floor(side);
  if (side - below !== 0.5) return Math.round(side);
  return below % 2 === 0 ? below : below + 1;
}

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
