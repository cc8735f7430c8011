/** Of files of images as most people keep them. */
export const BITS_OF_FILES = 8;

/** Largest integer of so many bits. */
function highest(bits: number): number {
  return 2 ** bits - 1;
}

/** Values in [0, 1] as integers of `bits` bits, 1 to 16, would bring them back: round(x * 255) / 255 for 8. */
export function quantised(values: Float32Array, bits: number): Float32Array {
  const most = highest(bits);
  return values.map((value) => Math.round(value * most) / most);
}

/** In steps of the grid: what float32 loses of k / 255 is less, what float16 loses is more. */
const ON_GRID = 0.01;

/** Whether values in [0, 1] are such integers already, but for float32's rounding. */
export function isQuantised(values: Float32Array, bits: number): boolean {
  const most = highest(bits);
  return values.every((value) => Math.abs(value * most - Math.round(value * most)) < ON_GRID);
}
