/** An image of bytes, rows of interleaved channels: [height, width, channels]. */
export interface ByteImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** A part of an image: its first column and row, and its size. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How far a filter reaches at scale 1, and its weight at a distance. */
interface Filter {
  readonly support: number;
  weight(distance: number): number;
}

/** Keys' cubic with a = -0.5, as PIL has it (PyTorch's own has -0.75). */
const A = -0.5;

const FILTERS = {
  bilinear: { support: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  bicubic: { support: 2, weight: (distance) => cubic(Math.abs(distance)) },
} as const satisfies Readonly<Record<string, Filter>>;

export type FilterName = keyof typeof FILTERS;

function cubic(x: number): number {
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
}

/** PIL's fixed point: 8 bits are left for the sample, 2 for what a cubic overshoots. */
const PRECISION_BITS = 32 - 8 - 2;

/** The input samples that make an output sample: weights[offset + i] goes with input `first + i`, i < `count`. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** [output samples, stride], in fixed point. */
  readonly weights: Int32Array;
  readonly stride: number;
}

/**
 * The image resized to `width` x `height` and cut to `box` of the result (all of it by default), bit for bit as PIL's
 * `Image.resize` with BILINEAR or BICUBIC does it: filters widened where the image shrinks, a pass along rows, then one
 * along columns, each rounded to bytes. https://github.com/python-pillow/Pillow/blob/main/src/libImaging/Resample.c
 */
export function resample(
  image: ByteImage,
  width: number,
  height: number,
  filter: FilterName,
  box: Box = { left: 0, top: 0, width, height },
): ByteImage {
  const rows = tapsOf(image.height, height, filter, box.top, box.height);
  const columns = tapsOf(image.width, width, filter, box.left, box.width);
  return alongColumns(alongRows(image, columns, rows), rows);
}

/** Taps of the output samples `start` to `start + length - 1` of `outSize`. */
function tapsOf(inSize: number, outSize: number, name: FilterName, start: number, length: number): Taps {
  if (inSize === outSize) return identity(start, length);
  const { support, weight }: Filter = FILTERS[name];
  const scale = inSize / outSize;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const taps = emptyTaps(length, Math.ceil(reach) * 2 + 1);
  for (let i = 0; i < length; i++) {
    const center = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const count = Math.min(inSize, Math.trunc(center + reach + 0.5)) - first;
    taps.first[i] = first;
    taps.count[i] = count;
    // Times 1 / stretch and not divided by it, as PIL computes it: the last bit of a weight may hang on it.
    const weights = Array.from({ length: count }, (_, k) => weight((k + first - center + 0.5) * (1 / stretch)));
    taps.weights.set(fixedPoint(weights), i * taps.stride);
  }
  return taps;
}

/** A pass that changes no size is none. */
function identity(start: number, length: number): Taps {
  const taps = emptyTaps(length, 1);
  taps.count.fill(1);
  taps.weights.fill(1 << PRECISION_BITS);
  for (let i = 0; i < length; i++) taps.first[i] = start + i;
  return taps;
}

function emptyTaps(length: number, stride: number): Taps {
  return {
    first: new Int32Array(length),
    count: new Int32Array(length),
    weights: new Int32Array(length * stride),
    stride,
  };
}

/** Weights that sum to 1, each rounded half away from zero. */
function fixedPoint(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => {
    const scaled = (sum === 0 ? weight : weight / sum) * 2 ** PRECISION_BITS;
    return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  });
}

/** The pass along rows, of the rows alone that the second pass reads; others stay zero. */
function alongRows({ data, width, height, channels }: ByteImage, columns: Taps, rows: Taps): ByteImage {
  const outWidth = columns.count.length;
  const target = new Uint8ClampedArray(outWidth * height * channels);
  const [from, to] = span(rows);
  for (let y = from; y < to; y++) {
    for (let x = 0; x < outWidth; x++) {
      const source = (y * width + columns.first[x]!) * channels;
      const out = (y * outWidth + x) * channels;
      weigh(data, source, channels, channels, columns, x, target, out);
    }
  }
  return { data: bytesOf(target), width: outWidth, height, channels };
}

function alongColumns({ data, width, channels }: ByteImage, rows: Taps): ByteImage {
  const height = rows.count.length;
  const rowSize = width * channels;
  const target = new Uint8ClampedArray(height * rowSize);
  for (let y = 0; y < height; y++)
    weigh(data, rows.first[y]! * rowSize, rowSize, rowSize, rows, y, target, y * rowSize);
  return { data: bytesOf(target), width, height, channels };
}

/**
 * Output `index` of the taps for `length` neighbouring bytes: input k of each lies `step` bytes after input k - 1. Where
 * the cubic overshoots, the clamped array does what PIL's table of clipped bytes does.
 */
function weigh(
  data: Uint8Array,
  source: number,
  length: number,
  step: number,
  { count, weights, stride }: Taps,
  index: number,
  target: Uint8ClampedArray,
  out: number,
): void {
  const taps = count[index]!;
  for (let at = 0; at < length; at++) {
    let sum = 1 << (PRECISION_BITS - 1);
    for (let k = 0; k < taps; k++) sum += data[source + at + k * step]! * weights[index * stride + k]!;
    target[out + at] = sum >> PRECISION_BITS;
  }
}

/** The first input sample that any output needs, and the one after the last. */
function span({ first, count }: Taps): [from: number, to: number] {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  for (const [i, start] of first.entries()) {
    from = Math.min(from, start);
    to = Math.max(to, start + count[i]!);
  }
  return [from, to];
}

function bytesOf(clamped: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(clamped.buffer);
}
