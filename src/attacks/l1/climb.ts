import type { LossName } from '../losses.ts';
import { MeanGradient } from '../mean-gradient.ts';
import { predictedClass } from '../predictions.ts';
import type { Answer, LossAim, Query, Search, Subject } from '../search.ts';
import { Pace, type SavedPace } from './pace.ts';
import { type L1Projection, l1Projection } from './projection.ts';
import { type SparseStep, sparseSteps } from './sparse-step.ts';
import type { Stage } from './stages.ts';

export interface L1ClimbOptions {
  readonly loss: LossName;
  readonly aim: LossAim;
  /** Gradients averaged in a step. */
  readonly eot: number;
  readonly start: 'random' | 'clean';
  readonly stages: readonly Stage[];
}

export interface L1ClimbState {
  readonly x: Float32Array;
  readonly best: Float32Array;
  readonly bestGradient: Float32Array;
  readonly bestLoss: number;
  /** The mean so far, within a step of several gradients. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
  readonly stage: number;
  readonly moves: number;
  readonly pace: SavedPace;
}

/** How points move in L1; climbs may share it, since they move one at a time. */
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
export class L1Climb implements Search<L1ClimbState> {
  readonly #options: L1ClimbOptions;
  readonly #subject: Subject;
  readonly #moveBy: L1Moves;
  readonly #gradient: MeanGradient;
  /** The iterate, and room for the next one: the point last asked about stays whole while its answer is dealt with. */
  #x: Float32Array;
  #next: Float32Array;
  readonly #best: Float32Array;
  readonly #bestGradient: Float32Array;
  #bestLoss: number;
  #stage: number;
  #moves: number;
  #pace: Pace;

  constructor(options: L1ClimbOptions, subject: Subject, moves: L1Moves, saved?: L1ClimbState) {
    this.#options = options;
    this.#subject = subject;
    this.#moveBy = moves;
    this.#stage = saved?.stage ?? 0;
    this.#moves = saved?.moves ?? 0;
    this.#x = saved?.x ?? this.#startingPoint();
    this.#next = new Float32Array(this.#x.length);
    this.#best = saved?.best ?? this.#x.slice();
    this.#bestGradient = saved?.bestGradient ?? new Float32Array(this.#x.length);
    this.#bestLoss = saved?.bestLoss ?? Number.NEGATIVE_INFINITY;
    this.#gradient = new MeanGradient(this.#x.length, options.eot, saved);
    this.#pace = saved ? Pace.restored(saved.pace, this.#radius, this.#x.length) : this.#firstPace();
  }

  get query(): Query | undefined {
    const { loss, aim, stages } = this.#options;
    return this.#stage < stages.length ? { kind: 'gradient', loss, x: this.#x, ...aim } : undefined;
  }

  receive({ loss, logits, gradient }: Answer): Float32Array | undefined {
    // Of several losses and predictions the last counts, as in the original.
    if (!this.#gradient.add(gradient)) return undefined;
    const asked = this.#x;
    const isWithin = this.#stage === this.#options.stages.length - 1;
    const isBroken = predictedClass(logits, 0, logits.length) !== this.#subject.label;
    this.#score(loss);
    if (this.#moves < this.#options.stages[this.#stage]!.iterations) this.#move();
    else this.#enterNextStage();
    return isWithin && isBroken ? asked : undefined;
  }

  /** Of the last stage once it is over; until then, of the one it is in. */
  get best(): Float32Array {
    return this.#best;
  }

  save(): L1ClimbState {
    return {
      x: this.#x,
      best: this.#best,
      bestGradient: this.#bestGradient,
      bestLoss: this.#bestLoss,
      ...this.#gradient.save(),
      stage: this.#stage,
      moves: this.#moves,
      pace: this.#pace.save(),
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
    const { clean, stream } = this.#subject;
    if (this.#options.start === 'clean') return clean.slice();
    const x = Float32Array.from(clean, () => stream.normal());
    this.#moveBy.project(x, clean, this.#radius, x);
    return x;
  }

  /** The original looks at the sparsity of a start only where it was handed one, as all stages are and a clean start is. */
  #firstPace(): Pace {
    const size = this.#x.length;
    if (this.#options.start === 'random' && this.#isSingle) return Pace.fresh(this.#radius, size);
    return Pace.from(nonzeros(this.#x, this.#subject.clean), this.#radius, size);
  }

  /** Keeps the point where it is the best of its stage so far. */
  #score(loss: number): void {
    if (this.#moves > 0 && !(loss > this.#bestLoss)) return;
    this.#bestLoss = Number.isNaN(loss) ? Number.NEGATIVE_INFINITY : loss;
    this.#best.set(this.#x);
    this.#bestGradient.set(this.#gradient.mean);
  }

  /** One step, from the best point where a checkpoint says so. */
  #move(): void {
    const isDue = this.#moves > 0 && this.#moves % this.#options.stages[this.#stage]!.period === 0;
    const isBack = isDue && this.#pace.check(nonzeros(this.#best, this.#subject.clean));
    const from = isBack ? this.#best : this.#x;
    const gradient = isBack ? this.#bestGradient : this.#gradient.mean;
    this.#moveBy.step(from, this.#next, gradient, this.#pace.share, this.#pace.size);
    this.#arrive();
    this.#moves++;
  }

  /** From the best point, whether or not the model gets it right; the loss starts anew. */
  #enterNextStage(): void {
    this.#stage++;
    if (this.#stage === this.#options.stages.length) return;
    this.#moves = 0;
    this.#next.set(this.#best);
    this.#arrive();
    this.#pace = Pace.from(nonzeros(this.#x, this.#subject.clean), this.#radius, this.#x.length);
  }

  /** Makes the next point, once it is within the stage's radius, the iterate. */
  #arrive(): void {
    this.#project(this.#next);
    [this.#x, this.#next] = [this.#next, this.#x];
  }

  #project(x: Float32Array): void {
    const { clean } = this.#subject;
    for (let k = 0; k < x.length; k++) x[k]! -= clean[k]!;
    this.#moveBy.project(x, clean, this.#radius, x);
  }
}

/** Coordinates in which a point differs from the clean image. */
function nonzeros(x: Float32Array, clean: Float32Array): number {
  let count = 0;
  for (let k = 0; k < x.length; k++) if (x[k] !== clean[k]) count++;
  return count;
}
