import type { LossName } from '../core/losses.ts';
import { MeanGradient } from '../core/mean-gradient.ts';
import type { LossParameters, ModelAnswer, ModelQuery, PerImageAttack, Sample } from '../core/per-image-attack.ts';
import { isMisclassified } from '../core/predictions.ts';
import { type L1Projection, l1Projection, type SparseStep, sparseSteps } from '../norms/l1.ts';
import { L1StepSize, type SavedL1StepSize } from './l1-step-size.ts';

/** A part of a run: so many steps within this radius, with a checkpoint every `period` of them. */
export interface RadiusStage {
  readonly radius: number;
  readonly iterations: number;
  readonly period: number;
}

/** Share of a stage's steps between checkpoints, `autopgd_base.py` of fra31/auto-attack. */
const PERIOD = 0.04;

/** Radii in units of epsilon with their shares of the steps (arXiv:2103.01208 section 4.2, `use_largereps`). */
const RADIUS_SCHEDULE = [
  { radius: 3, share: 0.3 },
  { radius: 2, share: 0.3 },
  { radius: 1, share: 0.4 },
];

/** All steps at epsilon, or first some at larger radii, from where the later ones find better points. */
export function radiusStages(epsilon: number, iterations: number, multiEpsilon: boolean): readonly RadiusStage[] {
  if (!multiEpsilon) return [stage(epsilon, iterations)];
  let left = iterations;
  return RADIUS_SCHEDULE.map(({ radius, share }) => {
    const steps = radius === 1 ? left : Math.min(Math.ceil(share * iterations), left);
    left -= steps;
    return stage(radius * epsilon, steps);
  });
}

function stage(radius: number, iterations: number): RadiusStage {
  return { radius, iterations, period: Math.max(Math.trunc(PERIOD * iterations), 1) };
}

export interface L1ApgdOptions {
  readonly loss: LossName;
  readonly parameters: LossParameters;
  /** Gradients averaged in a step. */
  readonly eot: number;
  readonly start: 'random' | 'clean';
  readonly stages: readonly RadiusStage[];
}

export interface L1ApgdState {
  readonly x: Float32Array;
  readonly best: Float32Array;
  readonly bestGradient: Float32Array;
  readonly bestLoss: number;
  /** The mean so far, within a step of several gradients. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
  readonly stage: number;
  readonly steps: number;
  readonly stepSize: SavedL1StepSize;
}

/** How points move in L1; runs may share it, since they move one at a time. */
export interface L1Moves {
  readonly step: SparseStep;
  readonly project: L1Projection;
}

export function l1Moves(imageSize: number): L1Moves {
  return { step: sparseSteps(imageSize), project: l1Projection(imageSize) };
}

/**
 * APGD in L1 on one image (arXiv:2103.01208, `autopgd_base.py` of fra31/auto-attack): sparse steps without momentum, each
 * projected onto ball and box at once. With several stages each starts from the best point of the one before, projected;
 * only the points of the last one lie within the threat model.
 */
export class L1ApgdRun implements PerImageAttack<L1ApgdState> {
  readonly #options: L1ApgdOptions;
  readonly #sample: Sample;
  readonly #moves: L1Moves;
  readonly #gradient: MeanGradient;
  /** The iterate, and room for the next one: the point evaluated last stays whole while its answer is taken in. */
  #x: Float32Array;
  #next: Float32Array;
  readonly #best: Float32Array;
  readonly #bestGradient: Float32Array;
  #bestLoss: number;
  #stage: number;
  #steps: number;
  #stepSize: L1StepSize;

  constructor(options: L1ApgdOptions, sample: Sample, moves: L1Moves, saved?: L1ApgdState) {
    this.#options = options;
    this.#sample = sample;
    this.#moves = moves;
    this.#stage = saved?.stage ?? 0;
    this.#steps = saved?.steps ?? 0;
    this.#x = saved?.x ?? this.#startingPoint();
    this.#next = new Float32Array(this.#x.length);
    this.#best = saved?.best ?? this.#x.slice();
    this.#bestGradient = saved?.bestGradient ?? new Float32Array(this.#x.length);
    this.#bestLoss = saved?.bestLoss ?? Number.NEGATIVE_INFINITY;
    this.#gradient = new MeanGradient(this.#x.length, options.eot, saved);
    this.#stepSize = saved ? L1StepSize.restored(saved.stepSize, this.#radius, this.#x.length) : this.#firstStepSize();
  }

  get next(): ModelQuery | undefined {
    const { loss, parameters, stages } = this.#options;
    return this.#stage < stages.length ? { kind: 'gradient', loss, x: this.#x, ...parameters } : undefined;
  }

  update({ loss, logits, gradient }: ModelAnswer): Float32Array | undefined {
    // Of several losses and predictions the last counts, as in the original.
    if (!this.#gradient.add(gradient)) return undefined;
    const evaluated = this.#x;
    const isWithin = this.#stage === this.#options.stages.length - 1;
    const isBroken = isMisclassified(logits, this.#sample.label);
    this.#score(loss);
    if (this.#steps < this.#options.stages[this.#stage]!.iterations) this.#move();
    else this.#enterNextStage();
    return isWithin && isBroken ? evaluated : undefined;
  }

  /** Of the last stage once it is over; until then, of the one it is in. */
  get best(): Float32Array {
    return this.#best;
  }

  save(): L1ApgdState {
    return {
      x: this.#x,
      best: this.#best,
      bestGradient: this.#bestGradient,
      bestLoss: this.#bestLoss,
      ...this.#gradient.save(),
      stage: this.#stage,
      steps: this.#steps,
      stepSize: this.#stepSize.save(),
    };
  }

  get #isSingle(): boolean {
    return this.#options.stages.length === 1;
  }

  get #radius(): number {
    return this.#options.stages[this.#stage]!.radius;
  }

  /**
   * A normal vector projected, as in the original. Taking an offset off again leaves a rounding error in about 40% of the
   * coordinates, and where the original looks at the sparsity of its start they count: the first step is that much
   * less sparse. (It projects such a start twice. Rounding of its cut decides whether that clears them; mostly not.)
   */
  #startingPoint(): Float32Array {
    const { clean, stream } = this.#sample;
    if (this.#options.start === 'clean') return clean.slice();
    const x = Float32Array.from(clean, () => stream.normal());
    this.#moves.project(x, clean, this.#radius, x);
    return x;
  }

  /** The original looks at the sparsity of a start only where it was handed one, as all stages are and a clean start is. */
  #firstStepSize(): L1StepSize {
    const size = this.#x.length;
    if (this.#options.start === 'random' && this.#isSingle) return L1StepSize.fresh(this.#radius, size);
    return L1StepSize.from(nonzeros(this.#x, this.#sample.clean), this.#radius, size);
  }

  /** Keeps the point where it is the best of its stage so far. */
  #score(loss: number): void {
    if (this.#steps > 0 && !(loss > this.#bestLoss)) return;
    this.#bestLoss = Number.isNaN(loss) ? Number.NEGATIVE_INFINITY : loss;
    this.#best.set(this.#x);
    this.#bestGradient.set(this.#gradient.mean);
  }

  /** One step, from the best point where a checkpoint says so. */
  #move(): void {
    const isDue = this.#steps > 0 && this.#steps % this.#options.stages[this.#stage]!.period === 0;
    const isRestart = isDue && this.#stepSize.check(nonzeros(this.#best, this.#sample.clean));
    const from = isRestart ? this.#best : this.#x;
    const gradient = isRestart ? this.#bestGradient : this.#gradient.mean;
    this.#moves.step(from, this.#next, gradient, this.#stepSize.share, this.#stepSize.size);
    this.#moveToNext();
    this.#steps++;
  }

  /** From the best point, whether or not the model gets it right; the loss starts anew. */
  #enterNextStage(): void {
    this.#stage++;
    if (this.#stage === this.#options.stages.length) return;
    this.#steps = 0;
    this.#next.set(this.#best);
    this.#moveToNext();
    this.#stepSize = L1StepSize.from(nonzeros(this.#x, this.#sample.clean), this.#radius, this.#x.length);
  }

  /** Makes the next point, once it is within the stage's radius, the iterate. */
  #moveToNext(): void {
    this.#project(this.#next);
    [this.#x, this.#next] = [this.#next, this.#x];
  }

  #project(x: Float32Array): void {
    const { clean } = this.#sample;
    for (let k = 0; k < x.length; k++) x[k]! -= clean[k]!;
    this.#moves.project(x, clean, this.#radius, x);
  }
}

/** Coordinates in which a point differs from the clean image. */
function nonzeros(x: Float32Array, clean: Float32Array): number {
  let count = 0;
  for (let k = 0; k < x.length; k++) if (x[k] !== clean[k]) count++;
  return count;
}
