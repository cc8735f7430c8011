import { ConfigError } from '../contracts/errors.ts';
import type { Attack, ThreatModel } from './attack.ts';
import { ballsOf } from './balls.ts';
import { Climb, type ClimbState } from './climb.ts';
import { attackOf } from './drive.ts';
import { L1Climb, type L1ClimbState, l1Moves } from './l1/climb.ts';
import { stagesOf } from './l1/stages.ts';
import { isTargeted, LOSSES, type LossName } from './losses.ts';
import { otherClasses } from './predictions.ts';
import { roundsOf } from './rounds.ts';
import { checkpoints } from './schedule.ts';
import type { LossAim, Search, Subject } from './search.ts';

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
  /** L1 only: the iterations are shared out among 3, 2 and 1 epsilon, each from where the last one got (`use_largereps`). */
  readonly multiEpsilon?: boolean;
}

type ApgdState = ClimbState | L1ClimbState;
type Climbs = (subject: Subject, aim: LossAim, saved: ApgdState | undefined) => Search<ApgdState>;

/** Each radius evaluates the point it starts from besides its steps. */
const MULTI_EPSILON_STARTS = 3;

/**
 * Auto-PGD (arXiv:2003.01690 section 3, for L1 arXiv:2103.01208, `autopgd_base.py` of fra31/auto-attack): ascent on a loss
 * within the ball, with a step that adapts to each image. A run evaluates iterations + 1 points (+ 3 at several radii),
 * `eot` gradients each, and no logits besides.
 * Running it throws ConfigError where the model has too few classes for the loss, or an option is not the norm's.
 */
export function apgd(options: ApgdOptions): Attack {
  const { name, loss, iterations, restarts, eot, targets = Number.POSITIVE_INFINITY } = options;
  const starts = options.multiEpsilon ? MULTI_EPSILON_STARTS : 1;
  return attackOf<ApgdState>({
    name,
    roundCost: () => ({ forwards: 0, gradients: (iterations + starts) * eot }),
    rounds: (classes) => roundsOf(isTargeted(loss) ? { restarts, targets } : { restarts }, classes),
    enter({ threat, model }) {
      requireClasses(options, model.classes);
      const climbs = (threat.norm === 'L1' ? l1Climbs : ballClimbs)(options, threat, model.imageSize);
      return (subject, { rank }, saved) => {
        const target =
          rank === undefined ? undefined : otherClasses(subject.logits, 0, model.classes, subject.label)[rank];
        return climbs(subject, target === undefined ? {} : { target }, saved);
      };
    },
  });
}

function ballClimbs(options: ApgdOptions, threat: ThreatModel, imageSize: number): Climbs {
  if (options.multiEpsilon)
    throw new ConfigError(`${options.name}: multiEpsilon is for L1, the norm is ${threat.norm}: leave the option out`);
  const balls = ballsOf(threat, imageSize, options.name);
  const periods = checkpoints(options.iterations);
  return (subject, aim, saved) =>
    new Climb({ ...options, periods, aim }, subject, balls(subject.clean), isOfL1(saved) ? undefined : saved);
}

function l1Climbs(options: ApgdOptions, { epsilon }: ThreatModel, imageSize: number): Climbs {
  const stages = stagesOf(epsilon, options.iterations, options.multiEpsilon ?? false);
  const moves = l1Moves(imageSize);
  return (subject, aim, saved) =>
    new L1Climb({ ...options, stages, aim }, subject, moves, isOfL1(saved) ? saved : undefined);
}

function isOfL1(saved: ApgdState | undefined): saved is L1ClimbState {
  return saved !== undefined && 'pace' in saved;
}

function requireClasses({ name, loss }: ApgdOptions, classes: number): void {
  const { minClasses } = LOSSES[loss];
  if (classes < minClasses)
    throw new ConfigError(
      `${name} needs a model of at least ${minClasses} classes, this one has ${classes}: use apgd-ce or apgd-cw, which need 2`,
    );
}
