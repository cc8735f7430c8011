import { float32, sizeOf, type Tensor, type TypedTensor } from '../../src/numeric/tensor.ts';

/** Weights and images by formula: `formula.py` beside the fixtures of architectures says the same, line by line. */

/** `size` values in [-1, 1): a hash of the name (FNV-1a) and the position (finaliser of MurmurHash3). */
function uniform(name: string, size: number): Float32Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619);
  return Float32Array.from({ length: size }, (_, i) => {
    let h = (Math.imul(i, 0x9e3779b9) + seed) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** By the last part of a name: centre and spread. */
const SCALES: Readonly<Record<string, readonly [number, number]>> = {
  running_mean: [0, 0.3],
  running_var: [1, 0.5],
  bias: [0, 0.3],
  mean: [0.5, 0.1],
  mu: [0.5, 0.1],
  std: [0.3, 0.05],
  sigma: [0.3, 0.05],
  alpha: [1.2, 0.3],
  beta: [0.1, 0.05],
  threshold: [0.3, 0.1],
  alpha_scale: [0.3, 0.05],
  alpha_bias: [0.5, 0.1],
  gamma_bias: [0.5, 0.2],
  _alpha: [0.8, 0.1],
  clamp_bias: [-1, 0.1],
  power: [3, 0.3],
};
const COUNTERS = ['num_batches_tracked', 'flag_update_statistics', 'batch_num'];

/** Values of one tensor of a state dict: convolutions have He's gain, a norm's weight is near 1, counters are 0. */
export function formulaWeight(name: string, dims: readonly number[]): Tensor {
  const last = name.split('.').at(-1)!;
  if (COUNTERS.includes(last)) return float32(dims);
  const fan = sizeOf(dims.slice(1));
  const [centre, spread] = SCALES[last] ?? (dims.length > 1 ? [0, Math.sqrt(6 / fan)] : [1, 0.3]);
  const [c, s] = [Math.fround(centre), Math.fround(spread)];
  return float32(
    dims,
    uniform(name, sizeOf(dims)).map((u) => c + Math.fround(s * u)),
  );
}

/** [count, 3, size, size] in [0, 1): 4 x 4 patches of colour, and noise. */
export function formulaImages(count: number, size: number): TypedTensor<'float32'> {
  const patches = uniform('patches', count * 3 * 16);
  const noise = uniform(`noise ${size}`, count * 3 * size * size);
  const side = size / 4;
  const values = noise.map((u, i) => {
    const [plane, row, column] = [Math.floor(i / size ** 2), Math.floor(i / size) % size, i % size];
    const patch = patches[plane * 16 + Math.floor(row / side) * 4 + Math.floor(column / side)]!;
    return Math.fround(0.5 + Math.fround(0.375 * patch)) + 0.125 * u;
  });
  return float32([count, 3, size, size], values);
}

export function formulaLabels(count: number, classes: number): number[] {
  return Array.from({ length: count }, (_, i) => (7 * i + 3) % classes);
}
