import { MeanGradient } from '../core/mean-gradient.ts';
import type { AttackSetup, ModelAnswer, ModelQuery, PerImageAttack, Sample } from '../core/per-image-attack.ts';
import { otherClasses } from '../core/predictions.ts';
import type { DualNorm } from '../norms/dual.ts';

export interface TargetRankingOptions {
  readonly setup: AttackSetup;
  /** Dual to the norm of the threat. */
  readonly dual: DualNorm;
  /** How many of the most likely wrong classes are ranked. */
  readonly candidates: number;
  /** Gradients averaged for each. */
  readonly eot: number;
}

export interface TargetRankingState {
  /** Distances of the candidates asked about so far, in their order. */
  readonly distances: readonly number[];
  /** Sum of the margins of the candidate in hand, within a mean of several gradients. */
  readonly margin: number;
  /** The mean so far. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
}

export function isTargetRanking(saved: object | undefined): saved is TargetRankingState {
  return saved !== undefined && 'distances' in saved;
}

/**
 * Ranks an image's wrong classes t by the distance to their boundary that a linear model at the clean image has (arXiv:2407.02240
 * section 3): (z_y - z_t) / |grad (z_y - z_t)|*, the norm being dual to the threat's. Rows of the Jacobian of the logits are
 * queries of one gradient graph with a seed each, so images and classes share batches. The original puts a class first whose
 * gradient is zero; no step leads there, so here it comes last, as one does whose gradient is not finite.
 */
export class TargetRanking implements PerImageAttack<TargetRankingState> {
  readonly #options: TargetRankingOptions;
  readonly #sample: Sample;
  readonly #candidates: readonly number[];
  readonly #distances: number[];
  readonly #gradient: MeanGradient;
  #margin: number;

  constructor(options: TargetRankingOptions, sample: Sample, saved?: TargetRankingState) {
    const { candidates, eot, setup } = options;
    this.#options = options;
    this.#sample = sample;
    this.#candidates = otherClasses(sample.logits, 0, setup.model.classes, sample.label).slice(0, candidates);
    this.#distances = [...(saved?.distances ?? [])];
    this.#margin = saved?.margin ?? 0;
    this.#gradient = new MeanGradient(sample.clean.length, eot, saved);
  }

  get next(): ModelQuery | undefined {
    const target = this.#candidates[this.#distances.length];
    return target === undefined ? undefined : { kind: 'gradient', loss: 'difference', x: this.#sample.clean, target };
  }

  /** Breaks nothing: all points are the clean image. */
  update({ loss, gradient }: ModelAnswer): undefined {
    const { eot, dual } = this.#options;
    this.#margin -= loss;
    if (!this.#gradient.add(gradient)) return;
    const slope = dual(this.#gradient.mean);
    const distance = this.#margin / eot / slope;
    this.#distances.push(slope > 0 && Number.isFinite(distance) ? distance : Number.POSITIVE_INFINITY);
    this.#margin = 0;
  }

  get best(): Float32Array {
    return this.#sample.clean;
  }

  /** Equally near ones stay in the order of falling logit. */
  get targets(): readonly number[] {
    const order = [...this.#candidates.keys()];
    order.sort((a, b) => compare(this.#distances[a]!, this.#distances[b]!));
    return order.map((place) => this.#candidates[place]!);
  }

  save(): TargetRankingState {
    return { distances: [...this.#distances], margin: this.#margin, ...this.#gradient.save() };
  }
}

/** Infinite ones are equal to each other. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
