import { ConfigError } from '../../errors.ts';
import type { Attack, ThreatModel } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import { isTargeted, LOSSES, type LossName } from '../core/losses.ts';
import {
  type AttackSetup,
  attackRounds,
  type LossParameters,
  type PerImageAttack,
  type Sample,
} from '../core/per-image-attack.ts';
import { otherClasses } from '../core/predictions.ts';
import { ballFactory } from '../norms/threat-model.ts';
import { ApgdRun, type ApgdRunState, apgdCheckpoints } from './apgd-run.ts';
import { L1ApgdRun, type L1ApgdState, l1Moves, radiusStages } from './l1-apgd-run.ts';

export interface ApgdOptions {
  /** How results name the attack. */
  readonly name: string;
  readonly loss: LossName;
  /** What the loss takes, where it has no target. */
  readonly parameters?: LossParameters;
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

export type ApgdState = ApgdRunState | L1ApgdState;
/** Starts a run on one image, or goes on with a saved one. */
type StartRun = (sample: Sample, parameters: LossParameters, saved: ApgdState | undefined) => PerImageAttack<ApgdState>;

/** Each radius evaluates the point it starts from besides its steps. */
const MULTI_EPSILON_STARTS = 3;

/**
 * Auto-PGD (arXiv:2003.01690 section 3, for L1 arXiv:2103.01208, `autopgd_base.py` of fra31/auto-attack): ascent on a loss
 * within the ball, with a step that adapts to each image. A run evaluates iterations + 1 points (+ 3 at several radii),
 * `eot` gradients each, and no logits besides.
 * Running it throws ConfigError where the model has too few classes for the loss, or an option is not the norm's.
 */
export function apgd(options: ApgdOptions): Attack {
  const { name, loss, restarts, targets = Number.POSITIVE_INFINITY } = options;
  return defineAttack<ApgdState>({
    name,
    roundCost: () => apgdCost(options),
    rounds: (classes) => attackRounds(isTargeted(loss) ? { restarts, targets } : { restarts }, classes),
    prepare(setup) {
      const startRun = apgdRuns(options, setup);
      return (sample, { targetRank }, saved) => {
        if (targetRank === undefined) return startRun(sample, options.parameters ?? {}, saved);
        const target = otherClasses(sample.logits, 0, setup.model.classes, sample.label)[targetRank]!;
        return startRun(sample, { target }, saved);
      };
    },
  });
}

/** What one run costs that goes on to its end. */
export function apgdCost({ iterations, eot, multiEpsilon }: Pick<ApgdOptions, 'iterations' | 'eot' | 'multiEpsilon'>) {
  return { forwards: 0, gradients: (iterations + (multiEpsilon ? MULTI_EPSILON_STARTS : 1)) * eot };
}

/** Runs of APGD on one image. Throws ConfigError where the model has too few classes, or an option is not the norm's. */
export function apgdRuns(options: ApgdOptions, { threat, model }: AttackSetup): StartRun {
  requireClasses(options, model.classes);
  return (threat.norm === 'L1' ? l1Runs : ballRuns)(options, threat, model.imageSize);
}

function ballRuns(options: ApgdOptions, threat: ThreatModel, imageSize: number): StartRun {
  if (options.multiEpsilon)
    throw new ConfigError(`${options.name}: multiEpsilon is for L1, the norm is ${threat.norm}: leave the option out`);
  const ballOf = ballFactory(threat, imageSize, options.name);
  const checkpoints = apgdCheckpoints(options.iterations);
  return (sample, parameters, saved) =>
    new ApgdRun(
      { ...options, checkpoints, parameters },
      sample,
      ballOf(sample.clean),
      isOfL1(saved) ? undefined : saved,
    );
}

function l1Runs(options: ApgdOptions, { epsilon }: ThreatModel, imageSize: number): StartRun {
  const stages = radiusStages(epsilon, options.iterations, options.multiEpsilon ?? false);
  const moves = l1Moves(imageSize);
  return (sample, parameters, saved) =>
    new L1ApgdRun({ ...options, stages, parameters }, sample, moves, isOfL1(saved) ? saved : undefined);
}

function isOfL1(saved: ApgdState | undefined): saved is L1ApgdState {
  return saved !== undefined && 'stepSize' in saved;
}

function requireClasses({ name, loss }: ApgdOptions, classes: number): void {
  const { minClasses } = LOSSES[loss];
  if (classes < minClasses)
    throw new ConfigError(
      `${name} needs a model of at least ${minClasses} classes, this one has ${classes}: use apgd-ce or apgd-cw, malt or pma (suite "rapid"), which need 2`,
    );
}
