import type { RandomStream } from '../../numeric/random.ts';
import type { Ball, BallFactory } from './ball.ts';
import { type L1Projection, l1Projection, type SparseStep, sparseSteps } from './l1.ts';

/** Share of the coordinates that a step moves: the steepest hundredth, as SLIDE has it (arXiv:1904.13000, appendix A). */
const SHARE = 0.01;

/** L1: steps along the steepest coordinates, each projected onto the ball and [0, 1] at once. Momentum is not for it. */
export function sparseBalls(epsilon: number, imageSize: number): BallFactory {
  const moves = { step: sparseSteps(imageSize), project: l1Projection(imageSize) };
  return (clean) => new SparseBall(clean, Math.fround(epsilon), moves);
}

class SparseBall implements Ball {
  readonly firstStep: number;
  readonly #clean: Float32Array;
  readonly #epsilon: number;
  readonly #moves: { readonly step: SparseStep; readonly project: L1Projection };

  constructor(
    clean: Float32Array,
    epsilon: number,
    moves: { readonly step: SparseStep; readonly project: L1Projection },
  ) {
    this.firstStep = 2 * epsilon;
    this.#clean = clean;
    this.#epsilon = epsilon;
    this.#moves = moves;
  }

  /** A normal vector projected, as APGD in L1 starts. */
  randomStart(x: Float32Array, stream: RandomStream): void {
    for (let k = 0; k < x.length; k++) x[k] = stream.normal();
    this.#moves.project(x, this.#clean, this.#epsilon, x);
  }

  step(x: Float32Array, previous: Float32Array, gradient: Float32Array, size: number, _momentum: number): void {
    previous.set(x);
    this.#moves.step(previous, x, gradient, SHARE, size);
    for (let k = 0; k < x.length; k++) x[k]! -= this.#clean[k]!;
    this.#moves.project(x, this.#clean, this.#epsilon, x);
  }
}
