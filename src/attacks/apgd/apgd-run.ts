import type { LossName } from '../core/losses.ts';
import { MeanGradient } from '../core/mean-gradient.ts';
import type { LossParameters, ModelAnswer, ModelQuery, PerImageAttack, Sample } from '../core/per-image-attack.ts';
import { isMisclassified } from '../core/predictions.ts';
import type { Ball } from '../norms/ball.ts';
import { type SavedStepSize, StepSize } from './step-size.ts';

/**
 * When APGD looks back. Shares of the iterations, from arXiv:2003.01690 section 3 and `autopgd_base.py` of
 * fra31/auto-attack: the first period is .22, each next one .03 shorter, none shorter than .06.
 */
const FIRST_PERIOD = 0.22;
const PERIOD_DECREASE = 0.03;
const SHORTEST_PERIOD = 0.06;

/**
 * The checkpoints of a run: the number of steps taken by then, and of those since the checkpoint before it.
 * 100 iterations: 22, 41, 57, 70, 80, 87, 93, 99.
 */
export function apgdCheckpoints(iterations: number): ReadonlyMap<number, number> {
  const periods = new Map<number, number>();
  const decrease = steps(PERIOD_DECREASE, iterations);
  const shortest = steps(SHORTEST_PERIOD, iterations);
  let period = steps(FIRST_PERIOD, iterations);
  for (let at = period; at <= iterations; at += period) {
    periods.set(at, period);
    period = Math.max(period - decrease, shortest);
  }
  return periods;
}

function steps(share: number, iterations: number): number {
  return Math.max(Math.trunc(share * iterations), 1);
}

/** Weight of the new direction in a step (alpha in arXiv:2003.01690 section 3). */
const MOMENTUM = 0.75;
/** The first step has no direction before it. */
const NO_MOMENTUM = 1;

export interface ApgdRunOptions {
  readonly loss: LossName;
  readonly parameters: LossParameters;
  readonly iterations: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  readonly start: 'random' | 'clean';
  /** Steps taken by a checkpoint, and of those since the checkpoint before it. */
  readonly checkpoints: ReadonlyMap<number, number>;
}

export interface ApgdRunState {
  readonly x: Float32Array;
  readonly previous: Float32Array;
  readonly best: Float32Array;
  readonly bestGradient: Float32Array;
  /** The mean so far, within a step of several gradients. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
  readonly steps: number;
  readonly step: SavedStepSize;
}

/** APGD on one image: all that it remembers of it. */
export class ApgdRun implements PerImageAttack<ApgdRunState> {
  readonly #options: ApgdRunOptions;
  readonly #sample: Sample;
  readonly #ball: Ball;
  readonly #step: StepSize;
  readonly #gradient: MeanGradient;
  readonly #x: Float32Array;
  readonly #previous: Float32Array;
  readonly #best: Float32Array;
  readonly #bestGradient: Float32Array;
  #steps: number;
  #query: ModelQuery | undefined;

  constructor(options: ApgdRunOptions, sample: Sample, ball: Ball, saved?: ApgdRunState) {
    const { loss, parameters, eot } = options;
    this.#options = options;
    this.#sample = sample;
    this.#ball = ball;
    this.#step = new StepSize(ball.firstStep, saved?.step);
    this.#x = saved?.x ?? this.#startingPoint();
    this.#previous = saved?.previous ?? this.#x.slice();
    this.#best = saved?.best ?? this.#x.slice();
    this.#bestGradient = saved?.bestGradient ?? new Float32Array(this.#x.length);
    this.#gradient = new MeanGradient(this.#x.length, eot, saved);
    this.#steps = saved?.steps ?? 0;
    this.#query = { kind: 'gradient', loss, x: this.#x, ...parameters };
  }

  get next(): ModelQuery | undefined {
    return this.#query;
  }

  update({ loss, logits, gradient }: ModelAnswer): Float32Array | undefined {
    // Of several losses and predictions the last counts, as in `autopgd_base.py`.
    if (!this.#gradient.add(gradient)) return undefined;
    const isBroken = isMisclassified(logits, this.#sample.label);
    const example = isBroken ? this.#x.slice() : undefined;
    this.#score(loss);
    if (this.#steps === this.#options.iterations) this.#query = undefined;
    else this.#advance();
    return example;
  }

  get best(): Float32Array {
    return this.#best;
  }

  save(): ApgdRunState {
    return {
      x: this.#x,
      previous: this.#previous,
      best: this.#best,
      bestGradient: this.#bestGradient,
      ...this.#gradient.save(),
      steps: this.#steps,
      step: this.#step.save(),
    };
  }

  #startingPoint(): Float32Array {
    const x = this.#sample.clean.slice();
    if (this.#options.start === 'random') this.#ball.randomStart(x, this.#sample.stream);
    return x;
  }

  /** Looks back where a checkpoint is due, and takes one step up the gradient. */
  #advance(): void {
    const period = this.#options.checkpoints.get(this.#steps);
    if (period !== undefined && this.#step.check(period)) {
      this.#x.set(this.#best);
      this.#gradient.mean.set(this.#bestGradient);
    }
    const momentum = this.#steps === 0 ? NO_MOMENTUM : MOMENTUM;
    this.#ball.step(this.#x, this.#previous, this.#gradient.mean, this.#step.size, momentum);
    this.#steps++;
  }

  /** Keeps the point where it is the best so far. */
  #score(loss: number): void {
    if (this.#steps === 0) this.#step.start(loss);
    else if (!this.#step.record(loss)) return;
    this.#best.set(this.#x);
    this.#bestGradient.set(this.#gradient.mean);
  }
}
