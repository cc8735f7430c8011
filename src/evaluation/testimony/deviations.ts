import { IMAGE_INPUT } from '../../models/classifier.ts';
import type { NormStatistics, StatisticsModel } from '../../models/norm-statistics.ts';
import { keyedStream } from '../../numeric/random.ts';
import { float32, sizeOf } from '../../numeric/tensor.ts';
import { randomFeeds, randomInputs } from '../../onnx/random-inputs.ts';
import { type Fetches, outputOf, type Runtime } from '../../onnx/runtime.ts';

/** How far what a BatchNorm reads is from what it read in training, a median over its channels each. */
export interface NormDeviation {
  readonly module: string;
  /** |difference of means| / running standard deviation. */
  readonly mean: number;
  /** |log(variance / running variance)|. */
  readonly variance: number;
}

/**
 * One number for all BatchNorms: the root of the mean of squares of both. Of the forms tried (mean, largest, quartile, divergence of
 * Gaussians) it sets right readings apart from wrong ones best, docs/models.md.
 */
export function misfitOf(deviations: readonly NormDeviation[]): number {
  const squares = deviations.reduce((sum, { mean, variance }) => sum + mean ** 2 + variance ** 2, 0);
  return deviations.length === 0 ? 0 : Math.sqrt(squares / deviations.length);
}

/** Images as [n, C, H, W] in [0, 1], and the shape of one. */
export interface TestimonyImages {
  readonly x: Float32Array;
  readonly imageShape: readonly [number, number, number];
}

/** Images at a time: the feature maps of few are in memory, and the answers are only two numbers a channel. */
const BATCH = 16;

/** A ratio of variances beyond e^LARGEST says no more, nor does one of a statistic that is no number. */
const LARGEST = 20;

/** Of every BatchNorm of the model, in their order: one forward pass, with a session of its own. */
export async function normDeviations(
  { model, norms }: StatisticsModel,
  { x, imageShape }: TestimonyImages,
  runtime: Runtime,
): Promise<NormDeviation[]> {
  if (norms.length === 0) return [];
  const size = sizeOf(imageShape);
  const count = x.length / size;
  const moments = norms.map((norm) => new Moments(norm));
  const draws = randomInputs(model.graph);
  const session = await runtime.createSession(model);
  try {
    for (let first = 0; first < count; first += BATCH) {
      const rows = Math.min(BATCH, count - first);
      const batch = x.subarray(first * size, (first + rows) * size);
      const streams = Array.from({ length: rows }, (_, row) => keyedStream(['testimony', 'noise', first + row]));
      const images = { [IMAGE_INPUT]: float32([rows, ...imageShape], batch) };
      const outputs = await session.run({ ...images, ...randomFeeds(draws, streams) });
      for (const one of moments) one.add(outputs, rows / count);
    }
  } finally {
    await session.release();
  }
  return moments.map((one) => one.deviation());
}

/** First and second moments of a BatchNorm's standardised input, added up over batches in float64. */
class Moments {
  readonly #norm: NormStatistics;
  readonly #mean: Float64Array;
  readonly #square: Float64Array;

  constructor(norm: NormStatistics) {
    this.#norm = norm;
    this.#mean = new Float64Array(norm.floor.length);
    this.#square = new Float64Array(norm.floor.length);
  }

  add(outputs: Fetches, weight: number): void {
    const { mean, square } = this.#norm;
    addTo(this.#mean, outputOf(outputs, mean), weight);
    addTo(this.#square, outputOf(outputs, square), weight);
  }

  deviation(): NormDeviation {
    const { module, floor } = this.#norm;
    const variance = (channel: number) => Math.max(0, this.#square[channel]! - this.#mean[channel]! ** 2);
    return {
      module,
      mean: medianOf(this.#mean.map(Math.abs)),
      variance: medianOf(floor.map((share, channel) => Math.abs(Math.log(variance(channel) + share)))),
    };
  }
}

function addTo(sums: Float64Array, values: Float32Array, weight: number): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += weight * values[i]!;
}

function medianOf(values: Float64Array): number {
  const known = values.map((value) => (Number.isNaN(value) ? LARGEST : Math.min(value, LARGEST))).sort();
  const middle = known.length / 2;
  return Number.isInteger(middle) ? (known[middle - 1]! + known[middle]!) / 2 : known[Math.floor(middle)]!;
}
