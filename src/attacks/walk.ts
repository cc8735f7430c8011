import type { Ball } from './ball.ts';
import type { LossName } from './losses.ts';
import { MeanGradient } from './mean-gradient.ts';
import { predictedClass } from './predictions.ts';
import type { Answer, LossAim, Query, Search, Subject } from './search.ts';

/** A walk up a loss by steps whose sizes are known beforehand. */
export interface Route {
  readonly loss: LossName;
  readonly iterations: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  /** Moves `x`, the clean image, to the starting point. */
  start(x: Float32Array): void;
  /** Size of a step, the first one being 0, in the units of the image. */
  size(step: number): number;
  /** What the loss takes at a step besides the label; `startLogits` [classes] is 0 until the start has been evaluated. */
  aim?(step: number, startLogits: Float32Array): LossAim;
}

export interface WalkState {
  readonly x: Float32Array;
  readonly startLogits: Float32Array;
  /** The mean so far, within a step of several gradients. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
  readonly steps: number;
}

/** There is nothing but the new direction in a step. */
const NO_MOMENTUM = 1;

/**
 * Projected gradient ascent on one image (arXiv:1706.06083 section 2.1): what PGD and GAMA-PGD have in common. The point
 * after the last step is evaluated too, without a gradient. Public implementations judge that point alone; here any
 * iterate that is misclassified is an example, of which there can only be more.
 */
export class Walk implements Search<WalkState> {
  readonly #route: Route;
  readonly #label: number;
  readonly #ball: Ball;
  readonly #gradient: MeanGradient;
  readonly #x: Float32Array;
  /** Where the walk was before its last step. */
  readonly #previous: Float32Array;
  readonly #startLogits: Float32Array;
  #steps: number;

  constructor(route: Route, { clean, label, logits }: Subject, ball: Ball, saved?: WalkState) {
    this.#route = route;
    this.#label = label;
    this.#ball = ball;
    this.#x = saved?.x ?? clean.slice();
    this.#previous = new Float32Array(clean.length);
    this.#startLogits = saved?.startLogits ?? new Float32Array(logits.length);
    this.#gradient = new MeanGradient(clean.length, route.eot, saved);
    this.#steps = saved?.steps ?? 0;
    if (saved === undefined) route.start(this.#x);
  }

  get query(): Query | undefined {
    const { loss, iterations, aim } = this.#route;
    const x = this.#x;
    if (this.#steps > iterations) return undefined;
    if (this.#steps === iterations) return { kind: 'logits', x };
    return { kind: 'gradient', loss, x, ...aim?.(this.#steps, this.#startLogits) };
  }

  receive({ logits, gradient }: Answer): Float32Array | undefined {
    const isLast = this.#steps === this.#route.iterations;
    if (!isLast && !this.#gradient.add(gradient)) return undefined;
    if (this.#steps === 0) this.#startLogits.set(logits);
    if (!isLast) {
      const size = this.#route.size(this.#steps);
      this.#ball.step(this.#x, this.#previous, this.#gradient.mean, size, NO_MOMENTUM);
    }
    this.#steps++;
    if (predictedClass(logits, 0, logits.length) === this.#label) return undefined;
    return isLast ? this.#x : this.#previous;
  }

  /** The last iterate, which is what public implementations return. */
  get best(): Float32Array {
    return this.#x;
  }

  save(): WalkState {
    return { x: this.#x, startLogits: this.#startLogits, ...this.#gradient.save(), steps: this.#steps };
  }
}
