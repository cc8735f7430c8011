import { clamp, sign, TINY } from '../../numeric/float32.ts';
import type { RandomStream } from '../../numeric/random.ts';
import type { Ball, BallFactory } from './ball.ts';

/** L-infinity: sign steps, a box for each image. */
export function linfBalls(epsilon: number): BallFactory {
  return (clean) => new LinfBall(clean, epsilon);
}

class LinfBall implements Ball {
  readonly firstStep: number;
  readonly #clean: Float32Array;
  readonly #epsilon: number;
  /** The box of epsilon and [0, 1] together. */
  readonly #lower: Float32Array;
  readonly #upper: Float32Array;

  constructor(clean: Float32Array, epsilon: number) {
    this.firstStep = 2 * epsilon;
    this.#clean = clean;
    this.#epsilon = epsilon;
    this.#lower = clean.map((value) => Math.max(Math.fround(value - epsilon), 0));
    this.#upper = clean.map((value) => Math.min(Math.fround(value + epsilon), 1));
  }

  /** Uniform in the cube, then scaled so that its largest coordinate lies on the sphere, as in `autopgd_base.py`. */
  randomStart(x: Float32Array, stream: RandomStream): void {
    const clean = this.#clean;
    let largest = 0;
    for (let k = 0; k < x.length; k++) {
      const value = Math.fround(2 * stream.uniform() - 1);
      x[k] = value;
      largest = Math.max(largest, Math.abs(value));
    }
    const divisor = Math.fround(largest + TINY);
    for (let k = 0; k < x.length; k++) {
      const offset = Math.fround(this.#epsilon * Math.fround(x[k]! / divisor));
      x[k] = clamp(Math.fround(clean[k]! + offset), 0, 1);
    }
  }

  step(x: Float32Array, previous: Float32Array, gradient: Float32Array, size: number, momentum: number): void {
    const lower = this.#lower;
    const upper = this.#upper;
    const inertia = 1 - momentum;
    for (let k = 0; k < x.length; k++) {
      const here = x[k]!;
      const low = lower[k]!;
      const high = upper[k]!;
      const plain = clamp(Math.fround(here + size * sign(gradient[k]!)), low, high);
      const ahead = Math.fround(here + Math.fround(Math.fround(plain - here) * momentum));
      const next = Math.fround(ahead + Math.fround(Math.fround(here - previous[k]!) * inertia));
      previous[k] = here;
      x[k] = clamp(next, low, high);
    }
  }
}
