import { clamp, euclideanNorm, TINY } from '../../numeric/float32.ts';
import type { RandomStream } from '../../numeric/random.ts';
import type { Ball, BallFactory } from './ball.ts';

/**
 * L2: steps along the normalised gradient, back into the sphere, then into [0, 1]. Between the stores the arithmetic is
 * float64: with sums over all coordinates in it, no two float32 implementations agree to the bit anyway.
 */
export function l2Balls(epsilon: number, imageSize: number): BallFactory {
  const scratch = new Float32Array(imageSize);
  return (clean) => new L2Ball(clean, epsilon, scratch);
}

class L2Ball implements Ball {
  readonly firstStep: number;
  readonly #clean: Float32Array;
  readonly #epsilon: number;
  readonly #scratch: Float32Array;

  constructor(clean: Float32Array, epsilon: number, scratch: Float32Array) {
    this.firstStep = 2 * epsilon;
    this.#clean = clean;
    this.#epsilon = epsilon;
    this.#scratch = scratch;
  }

  /** A normal vector scaled onto the sphere, as in `autopgd_base.py`. */
  randomStart(x: Float32Array, stream: RandomStream): void {
    for (let k = 0; k < x.length; k++) x[k] = stream.normal();
    const scale = this.#epsilon / (euclideanNorm(x) + TINY);
    const clean = this.#clean;
    for (let k = 0; k < x.length; k++) x[k] = clamp(clean[k]! + x[k]! * scale, 0, 1);
  }

  step(x: Float32Array, previous: Float32Array, gradient: Float32Array, size: number, momentum: number): void {
    const shrink = this.#shrink(this.#plainStep(x, gradient, size));
    const clean = this.#clean;
    const offsets = this.#scratch;
    const inertia = 1 - momentum;
    let square = 0;
    for (let k = 0; k < x.length; k++) {
      const here = x[k]!;
      const plain = clamp(clean[k]! + offsets[k]! * shrink, 0, 1);
      const next = here + (plain - here) * momentum + (here - previous[k]!) * inertia;
      const offset = next - clean[k]!;
      previous[k] = here;
      offsets[k] = offset;
      square += offset * offset;
    }
    this.#project(x, this.#shrink(Math.sqrt(square)));
  }

  /** Leaves x + size * gradient / |gradient| - clean in the scratch row; gives its norm. */
  #plainStep(x: Float32Array, gradient: Float32Array, size: number): number {
    const clean = this.#clean;
    const offsets = this.#scratch;
    const scale = size / (euclideanNorm(gradient) + TINY);
    let square = 0;
    for (let k = 0; k < x.length; k++) {
      const offset = x[k]! + gradient[k]! * scale - clean[k]!;
      offsets[k] = offset;
      square += offset * offset;
    }
    return Math.sqrt(square);
  }

  /** What brings an offset of this norm into the ball. */
  #shrink(norm: number): number {
    return Math.min(this.#epsilon, norm) / (norm + TINY);
  }

  #project(x: Float32Array, shrink: number): void {
    const clean = this.#clean;
    const offsets = this.#scratch;
    for (let k = 0; k < x.length; k++) x[k] = clamp(clean[k]! + offsets[k]! * shrink, 0, 1);
  }
}
