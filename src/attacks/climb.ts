import type { Ball } from './ball.ts';
import type { LossName } from './losses.ts';
import { MeanGradient } from './mean-gradient.ts';
import { predictedClass } from './predictions.ts';
import type { Answer, LossAim, Query, Search, Subject } from './search.ts';
import { type SavedStepSize, StepSize } from './step-size.ts';

/** Weight of the new direction in a step (alpha in arXiv:2003.01690 section 3). */
const MOMENTUM = 0.75;
/** The first step goes nowhere but up: there is no direction before it. */
const NO_MOMENTUM = 1;

export interface ClimbOptions {
  readonly loss: LossName;
  readonly aim: LossAim;
  readonly iterations: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  readonly start: 'random' | 'clean';
  /** Steps taken by a checkpoint, and of those since the checkpoint before it. */
  readonly periods: ReadonlyMap<number, number>;
}

export interface ClimbState {
  readonly x: Float32Array;
  readonly previous: Float32Array;
  readonly best: Float32Array;
  readonly bestGradient: Float32Array;
  /** The mean so far, within a step of several gradients. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
  readonly moves: number;
  readonly step: SavedStepSize;
}

/** One image's way up its loss: everything APGD remembers about it. */
export class Climb implements Search<ClimbState> {
  readonly #options: ClimbOptions;
  readonly #subject: Subject;
  readonly #ball: Ball;
  readonly #step: StepSize;
  readonly #gradient: MeanGradient;
  readonly #x: Float32Array;
  readonly #previous: Float32Array;
  readonly #best: Float32Array;
  readonly #bestGradient: Float32Array;
  #moves: number;
  #query: Query | undefined;

  constructor(options: ClimbOptions, subject: Subject, ball: Ball, saved?: ClimbState) {
    const { loss, aim, eot } = options;
    this.#options = options;
    this.#subject = subject;
    this.#ball = ball;
    this.#step = new StepSize(ball.firstStep, saved?.step);
    this.#x = saved?.x ?? this.#startingPoint();
    this.#previous = saved?.previous ?? this.#x.slice();
    this.#best = saved?.best ?? this.#x.slice();
    this.#bestGradient = saved?.bestGradient ?? new Float32Array(this.#x.length);
    this.#gradient = new MeanGradient(this.#x.length, eot, saved);
    this.#moves = saved?.moves ?? 0;
    this.#query = { kind: 'gradient', loss, x: this.#x, ...aim };
  }

  get query(): Query | undefined {
    return this.#query;
  }

  receive({ loss, logits, gradient }: Answer): Float32Array | undefined {
    // Of several losses and predictions the last counts, as in `autopgd_base.py`.
    if (!this.#gradient.add(gradient)) return undefined;
    const isBroken = predictedClass(logits, 0, logits.length) !== this.#subject.label;
    const example = isBroken ? this.#x.slice() : undefined;
    this.#score(loss);
    if (this.#moves === this.#options.iterations) this.#query = undefined;
    else this.#advance();
    return example;
  }

  get best(): Float32Array {
    return this.#best;
  }

  save(): ClimbState {
    return {
      x: this.#x,
      previous: this.#previous,
      best: this.#best,
      bestGradient: this.#bestGradient,
      ...this.#gradient.save(),
      moves: this.#moves,
      step: this.#step.save(),
    };
  }

  #startingPoint(): Float32Array {
    const x = this.#subject.clean.slice();
    if (this.#options.start === 'random') this.#ball.randomStart(x, this.#subject.stream);
    return x;
  }

  /** Looks back where a checkpoint is due, and takes one step up the gradient. */
  #advance(): void {
    const period = this.#options.periods.get(this.#moves);
    if (period !== undefined && this.#step.check(period)) {
      this.#x.set(this.#best);
      this.#gradient.mean.set(this.#bestGradient);
    }
    const momentum = this.#moves === 0 ? NO_MOMENTUM : MOMENTUM;
    this.#ball.step(this.#x, this.#previous, this.#gradient.mean, this.#step.size, momentum);
    this.#moves++;
  }

  /** Keeps the point where it is the best so far. */
  #score(loss: number): void {
    if (this.#moves === 0) this.#step.start(loss);
    else if (!this.#step.record(loss)) return;
    this.#best.set(this.#x);
    this.#bestGradient.set(this.#gradient.mean);
  }
}
