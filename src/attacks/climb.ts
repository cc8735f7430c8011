import type { RandomStream } from '../random/stream.ts';
import type { LossGradient } from './attack.ts';
import type { Ball } from './ball.ts';
import { StepSize } from './step-size.ts';

/** Weight of the new direction in a step (alpha in arXiv:2003.01690 section 3). */
const MOMENTUM = 0.75;
/** The first step goes nowhere but up: there is no direction before it. */
const NO_MOMENTUM = 1;

/** What a climb is about. */
export interface Ascent {
  /** Row of the image in the points under attack. */
  readonly point: number;
  readonly label: number;
  /** Class aimed at, where the loss has one. */
  readonly target?: number;
  /** The image's own randomness, in the order it is used: the start, then the evaluations of a randomised model. */
  readonly stream: RandomStream;
}

/**
 * One image's way up its loss: everything APGD remembers about it. It sees nothing but its own loss and gradient, so what
 * becomes of an image cannot depend on its neighbours in a batch.
 */
export class Climb {
  readonly ascent: Ascent;
  readonly #ball: Ball;
  readonly #step: StepSize;
  /** The iterate, in the batch slot that the climb occupies. */
  #x: Float32Array;
  readonly #previous: Float32Array;
  readonly #gradient: Float32Array;
  readonly #best: Float32Array;
  readonly #bestGradient: Float32Array;
  #loss = 0;
  #moves = 0;

  /** `x` is the slot, with the starting point in it. */
  constructor(ascent: Ascent, ball: Ball, x: Float32Array) {
    this.ascent = ascent;
    this.#ball = ball;
    this.#step = new StepSize(ball.firstStep);
    this.#x = x;
    this.#previous = x.slice();
    this.#gradient = new Float32Array(x.length);
    this.#best = x.slice();
    this.#bestGradient = new Float32Array(x.length);
  }

  get x(): Float32Array {
    return this.#x;
  }

  /** Takes the iterate along to another slot. */
  moveTo(slot: Float32Array): void {
    slot.set(this.#x);
    this.#x = slot;
  }

  /**
   * Takes row `row` of an evaluation at x, the `sample`-th of `samples` to average. Of several losses the last counts, as
   * in `autopgd_base.py`. A gradient that is not finite counts as zero.
   */
  receive({ loss, gradient }: LossGradient, row: number, sample: number, samples: number): void {
    this.#loss = loss[row]!;
    const size = this.#gradient.length;
    accumulate(this.#gradient, gradient.subarray(row * size, (row + 1) * size), sample === 0);
    if (sample === samples - 1 && samples > 1) divide(this.#gradient, samples);
  }

  /** Keeps the point where it is the best so far. */
  score(): void {
    if (this.#moves === 0) this.#step.start(this.#loss);
    else if (!this.#step.record(this.#loss)) return;
    this.#best.set(this.#x);
    this.#bestGradient.set(this.#gradient);
  }

  /** At a checkpoint, `period` steps after the one before: back to the best point where the step size is halved. */
  check(period: number): void {
    if (!this.#step.check(period)) return;
    this.#x.set(this.#best);
    this.#gradient.set(this.#bestGradient);
  }

  /** One step up the gradient. */
  move(): void {
    const momentum = this.#moves === 0 ? NO_MOMENTUM : MOMENTUM;
    this.#ball.step(this.#x, this.#previous, this.#gradient, this.#step.size, momentum);
    this.#moves++;
  }
}

function accumulate(sum: Float32Array, row: Float32Array, isFirst: boolean): void {
  if (isFirst) sum.fill(0);
  if (!isFiniteRow(row)) return;
  if (isFirst) sum.set(row);
  else for (let k = 0; k < sum.length; k++) sum[k]! += row[k]!;
}

/** The difference of a number and itself is 0, or NaN where it is not finite: no branch for each number. */
function isFiniteRow(row: Float32Array): boolean {
  let residue = 0;
  for (let k = 0; k < row.length; k++) residue += row[k]! - row[k]!;
  return residue === 0;
}

function divide(row: Float32Array, divisor: number): void {
  for (let k = 0; k < row.length; k++) row[k]! /= divisor;
}
