import { ConfigError } from '../contracts/errors.ts';
import type { RandomStream } from '../random/stream.ts';
import type { ThreatModel } from './attack.ts';
import { l2Balls } from './l2-ball.ts';
import { linfBalls } from './linf-ball.ts';

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
export type Balls = (clean: Float32Array) => Ball;

/** Balls by norm; `epsilon` is a float32 number. A norm is one file and one line here. */
const BALLS: Partial<Record<ThreatModel['norm'], (epsilon: number, imageSize: number) => Balls>> = {
  Linf: linfBalls,
  L2: l2Balls,
};

/** The balls of a threat model, for images of `imageSize` numbers. Throws ConfigError where APGD lacks the norm. */
export function ballsOf(threat: ThreatModel, imageSize: number): Balls {
  const create = BALLS[threat.norm];
  if (create === undefined)
    throw new ConfigError(
      `APGD has no ${threat.norm} norm: set threat.norm to one of ${Object.keys(BALLS).join(', ')}`,
    );
  return create(Math.fround(threat.epsilon), imageSize);
}
