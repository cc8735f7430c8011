import type { ImageShape } from './window.ts';

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
