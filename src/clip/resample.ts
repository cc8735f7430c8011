/**
 * PIL's antialiased bicubic resize of 8-bit channels, bit for bit (https://github.com/python-pillow/Pillow,
 * src/libImaging/Resample.c): where an image shrinks, the kernel grows with it; weights are fixed-point numbers; the image
 * is rounded to bytes after the horizontal pass and again after the vertical one.
 */

/** Keys' cubic with a = -0.5, as PIL has it (OpenCV and PyTorch take -0.75). */
const A = -0.5;
/** Pixels the kernel reaches to either side of its centre. */
const REACH = 2;
/** Weights are multiples of 2^-22: with 8 bits of a pixel and 2 of headroom, sums fit into 32 bits. */
const FRACTION_BITS = 22;
const HALF = 2 ** (FRACTION_BITS - 1);

/** The input pixels of each output pixel, and their weights in fixed point. */
interface Kernel {
  readonly first: number;
  readonly weights: Int32Array;
}

/** Resizes one channel [height, width] to [newHeight, newWidth]. */
export function resizeBicubic(
  channel: Uint8Array,
  [height, width]: readonly [number, number],
  [newHeight, newWidth]: readonly [number, number],
): Uint8Array {
  const across = newWidth === width ? channel : resampleRows(channel, width, kernels(width, newWidth));
  return newHeight === height ? across : resampleColumns(across, newWidth, kernels(height, newHeight));
}

const known = new Map<string, readonly Kernel[]>();

/** Images of a data set have one size, so weights are worked out once. */
function kernels(size: number, newSize: number): readonly Kernel[] {
  const key = `${size} ${newSize}`;
  const made = known.get(key) ?? Array.from({ length: newSize }, (_, position) => kernelAt(position, size, newSize));
  known.set(key, made);
  return made;
}

function kernelAt(position: number, size: number, newSize: number): Kernel {
  const scale = size / newSize;
  const stretch = Math.max(scale, 1);
  const centre = (position + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - REACH * stretch + 0.5));
  const end = Math.min(size, Math.trunc(centre + REACH * stretch + 0.5));
  const raw = Array.from({ length: end - first }, (_, i) => cubic((first + i - centre + 0.5) / stretch));
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return { first, weights: Int32Array.from(raw, (weight) => fixed(weight / sum)) };
}

/** Rounded half away from zero, as C does it. */
function fixed(weight: number): number {
  return Math.trunc(weight * 2 ** FRACTION_BITS + (weight < 0 ? -0.5 : 0.5));
}

function cubic(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return ((A + 2) * d - (A + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * A;
  return 0;
}

function resampleRows(pixels: Uint8Array, width: number, columns: readonly Kernel[]): Uint8Array {
  const rows = pixels.length / width;
  // Clamped: the kernel overshoots at edges, and a byte stays between 0 and 255.
  const out = new Uint8ClampedArray(rows * columns.length);
  for (const [column, { first, weights }] of columns.entries()) {
    for (let row = 0; row < rows; row++) {
      let sum = HALF;
      for (let i = 0; i < weights.length; i++) sum = (sum + pixels[row * width + first + i]! * weights[i]!) | 0;
      out[row * columns.length + column] = sum >> FRACTION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}

function resampleColumns(pixels: Uint8Array, width: number, rows: readonly Kernel[]): Uint8Array {
  const out = new Uint8ClampedArray(rows.length * width);
  for (const [row, { first, weights }] of rows.entries()) {
    for (let column = 0; column < width; column++) {
      let sum = HALF;
      for (let i = 0; i < weights.length; i++) sum = (sum + pixels[(first + i) * width + column]! * weights[i]!) | 0;
      out[row * width + column] = sum >> FRACTION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}
