import { isFiniteRow } from '../../numeric/float32.ts';

export interface SavedMean {
  /** The sum so far, in the midst of a step; null between steps, when nobody needs it. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
}

/**
 * The mean of several gradients at one point (expectation over transformation, arXiv:1802.00420), for models that answer
 * the same question differently. A gradient that is not finite counts as zero.
 */
export class MeanGradient {
  /** Right after `add` has said so. */
  readonly mean: Float32Array;
  readonly #eot: number;
  #samples: number;

  constructor(size: number, eot: number, saved?: SavedMean) {
    this.mean = saved?.gradient ?? new Float32Array(size);
    this.#eot = eot;
    this.#samples = saved?.samples ?? 0;
  }

  /** Takes one more gradient; true where it was the last one. */
  add(gradient: Float32Array): boolean {
    accumulate(this.mean, gradient, this.#samples === 0);
    this.#samples++;
    if (this.#samples < this.#eot) return false;
    if (this.#eot > 1) divide(this.mean, this.#eot);
    this.#samples = 0;
    return true;
  }

  save(): SavedMean {
    return { gradient: this.#samples === 0 ? null : this.mean, samples: this.#samples };
  }
}

function accumulate(sum: Float32Array, row: Float32Array, isFirst: boolean): void {
  if (isFirst) sum.fill(0);
  if (!isFiniteRow(row)) return;
  if (isFirst) sum.set(row);
  else for (let k = 0; k < sum.length; k++) sum[k]! += row[k]!;
}

function divide(row: Float32Array, divisor: number): void {
  for (let k = 0; k < row.length; k++) row[k]! /= divisor;
}
