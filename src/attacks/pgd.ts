import type { Attack } from './attack.ts';
import { ballsOf } from './balls.ts';
import { attackOf } from './drive.ts';
import { roundsOf } from './rounds.ts';
import { Walk, type WalkState } from './walk.ts';

export interface PgdOptions {
  /** How results name the attack. */
  readonly name: string;
  readonly loss: 'ce' | 'cw';
  readonly iterations: number;
  /** Size of a step as a share of epsilon: see `PGD_STEP`. */
  readonly stepSize: number;
  /** Runs from new starts, for the images still robust. */
  readonly restarts: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  readonly start: 'random' | 'clean';
}

/** 2/255 where epsilon is 8/255, as in Madry et al. for CIFAR-10 (arXiv:1706.06083 section 5.1) and most PGD-20 since. */
export const PGD_STEP = 0.25;

/**
 * Projected gradient descent, arXiv:1706.06083: steps of one size, along the gradient's signs in L-infinity and along the
 * normalised gradient in L2. A run takes `iterations` steps of `eot` gradients each and a forward evaluation at the end.
 * A random start lies on the ball's surface as APGD's does: in L-infinity next to uniform in the ball.
 * Running it throws ConfigError where the norm is another.
 */
export function pgd(options: PgdOptions): Attack {
  const { name, iterations, restarts, eot, stepSize, start } = options;
  return attackOf<WalkState>({
    name,
    roundCost: () => ({ forwards: 1, gradients: iterations * eot }),
    rounds: (classes) => roundsOf({ restarts }, classes),
    enter({ threat, model }) {
      const balls = ballsOf(threat, model.imageSize, name);
      const size = Math.fround(stepSize * threat.epsilon);
      return (subject, _, saved) => {
        const ball = balls(subject.clean);
        const route = {
          ...options,
          size: () => size,
          start(x: Float32Array) {
            if (start === 'random') ball.randomStart(x, subject.stream);
          },
        };
        return new Walk(route, subject, ball, saved);
      };
    },
  });
}
