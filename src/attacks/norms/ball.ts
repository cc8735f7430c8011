import type { RandomStream } from '../../numeric/random.ts';

/**
 * What one image may become, the ball of radius epsilon around it within [0, 1], and how APGD moves in it. All that
 * depends on the norm is behind this interface. Rows are images of float32 numbers, rounded where PyTorch rounds.
 */
export interface Ball {
  /** Size of the first step, float32: 2 epsilon for L-infinity and L2 (arXiv:2003.01690 section 3). */
  readonly firstStep: number;
  /** Fills `x` with a random point of the ball. */
  randomStart(x: Float32Array, stream: RandomStream): void;
  /**
   * One step up `gradient`, in place: `x` is moved and `previous` becomes where it was. `momentum` is the weight a of
   * the new direction; the rest, 1 - a, goes along x - previous (arXiv:2003.01690 section 3).
   */
  step(x: Float32Array, previous: Float32Array, gradient: Float32Array, size: number, momentum: number): void;
}

/** Gives the ball around a clean image; balls of one factory may share scratch space, so they move one at a time. */
export type BallFactory = (clean: Float32Array) => Ball;
