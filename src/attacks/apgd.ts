import { ConfigError } from '../contracts/errors.ts';
import type { Attack } from './attack.ts';
import { ballsOf } from './balls.ts';
import { Climb, type ClimbState } from './climb.ts';
import { attackOf } from './drive.ts';
import { LOSSES, type LossName } from './losses.ts';
import { otherClasses } from './predictions.ts';
import { roundsOf } from './rounds.ts';
import { checkpoints } from './schedule.ts';

export interface ApgdOptions {
  /** How results name the attack. */
  readonly name: string;
  readonly loss: LossName;
  /** Steps of one run. */
  readonly iterations: number;
  /** Runs (for each target, where the loss has one) from new starts, for the images still robust. */
  readonly restarts: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  /** Wrong classes a targeted loss aims at in turn, by falling clean logit; all of them by default and at most. */
  readonly targets?: number;
  readonly start: 'random' | 'clean';
}

/**
 * Auto-PGD (arXiv:2003.01690 section 3, `autopgd_base.py` of fra31/auto-attack): ascent on a loss within the ball, with
 * momentum and a step size that adapts to each image. A run evaluates iterations + 1 points, `eot` gradients each, and
 * no logits besides.
 * Running it throws ConfigError where the model has too few classes for the loss, or the norm is unknown.
 */
export function apgd(options: ApgdOptions): Attack {
  const { name, loss, iterations, restarts, eot, targets = Number.POSITIVE_INFINITY } = options;
  const { targeted } = LOSSES[loss];
  const periods = checkpoints(iterations);
  return attackOf<ClimbState>({
    name,
    roundCost: () => ({ forwards: 0, gradients: (iterations + 1) * eot }),
    rounds: (classes) => roundsOf(targeted ? { restarts, targets } : { restarts }, classes),
    enter({ threat, model }) {
      requireClasses(options, model.classes);
      const balls = ballsOf(threat, model.imageSize);
      return (subject, { rank }, saved) => {
        const target =
          rank === undefined ? undefined : otherClasses(subject.logits, 0, model.classes, subject.label)[rank];
        const aim = target === undefined ? {} : { target };
        return new Climb({ ...options, periods, aim }, subject, balls(subject.clean), saved);
      };
    },
  });
}

function requireClasses({ name, loss }: ApgdOptions, classes: number): void {
  const { minClasses } = LOSSES[loss];
  if (classes < minClasses)
    throw new ConfigError(
      `${name} needs a model of at least ${minClasses} classes, this one has ${classes}: use apgd-ce or apgd-cw, which need 2`,
    );
}
