import { ConfigError } from '../../errors.ts';
import { euclideanNorm } from '../../numeric/float32.ts';
import type { Attack, AttackCost, ThreatModel } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import { LOSSES } from '../core/losses.ts';
import { type AttackDefinition, type AttackRound, attackRounds, type Sample } from '../core/per-image-attack.ts';
import { otherClasses } from '../core/predictions.ts';
import { largestMagnitude, sumOfMagnitudes } from '../norms/dual.ts';
import { ofNorm } from '../norms/threat-model.ts';
import { FabRun, type FabState } from './fab-run.ts';
import { projectionL1 } from './projection-l1.ts';
import { projectionL2, projectionLinf } from './projection-linf-l2.ts';
import { type FabNorm, fabStep } from './step.ts';

export interface FabOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Whether a run makes for one wrong class, or for the nearest at every step, which takes one gradient a class. */
  readonly targeted: boolean;
  /** Steps of one run. */
  readonly iterations: number;
  /** Runs (for each target) from new starts, the first one from the clean image, for the images still robust. */
  readonly restarts: number;
  /** Wrong classes a targeted attack aims at in turn, by falling clean logit; all of them by default and at most. */
  readonly targets?: number;
}

/**
 * Fast Adaptive Boundary attack (arXiv:1907.02044, `fab_base.py` and `fab_pt.py` of fra31/auto-attack): looks for the
 * closest adversarial example instead of one at a given distance; a round breaks an image if it comes within epsilon.
 * Running it throws ConfigError where the model has too few classes, or FAB lacks the norm.
 */
export function fab(options: FabOptions): Attack {
  return defineAttack(fabDefinition(options));
}

/** FAB as what it does to one image. */
export function fabDefinition(options: FabOptions): AttackDefinition<FabState> {
  const { name, targeted, iterations, restarts, targets = Number.POSITIVE_INFINITY } = options;
  return {
    name,
    roundCost: (classes) => roundCost(iterations, targeted ? 1 : classes - 1),
    rounds: (classes) => attackRounds(targeted ? { restarts, targets } : { restarts }, classes),
    prepare({ threat, model: { classes, imageSize } }) {
      requireClasses(name, classes);
      const norm = ofNorm(FAB_NORMS, threat.norm, name);
      const setup = {
        threat,
        norm,
        step: fabStep(norm, imageSize),
        iterations,
        flat: { value: 0, gradient: new Float32Array(imageSize) },
        found: new Float32Array(imageSize),
      };
      return (sample, round, saved) =>
        new FabRun(
          setup,
          sample,
          candidateClassesOf(sample, round, classes),
          saved ?? startOf(sample, round, threat, norm),
        );
    },
  };
}

function requireClasses(name: string, classes: number): void {
  const { minClasses } = LOSSES.difference;
  if (classes < minClasses)
    throw new ConfigError(
      `${name} needs a model of at least ${minClasses} classes, this one has ${classes}: leave it out`,
    );
}

/** The classes whose boundaries are evaluated: the round's target or, in the order of classes, all wrong ones. */
function candidateClassesOf({ logits, label }: Sample, { targetRank }: AttackRound, classes: number): number[] {
  const others = otherClasses(logits, 0, classes, label);
  return targetRank === undefined ? others.sort((a, b) => a - b) : [others[targetRank]!];
}

/** The clean image or, for all restarts but the first, a random point at half of epsilon from it. */
function startOf(
  { clean, stream }: Sample,
  { restart }: AttackRound,
  threat: ThreatModel,
  norm: FabNorm,
): Float32Array {
  if (restart === 0) return clean.slice();
  const start = Float32Array.from(clean, () => norm.noise(stream));
  const scale = threat.epsilon / 2 / norm.length(start);
  for (let k = 0; k < start.length; k++) start[k] = Math.min(Math.max(clean[k]! + start[k]! * scale, 0), 1);
  return start;
}

/**
 * Of an image that holds out, as measured in L-infinity and L2, see `CrossingPredictor`: most steps are checked by a
 * forward, and few gradients are in vain. In L1 there are fewer forwards.
 */
const FORWARDS_A_STEP = 0.87;
const GRADIENTS_IN_VAIN = 0.01;

function roundCost(iterations: number, candidates: number): AttackCost {
  return {
    forwards: Math.round(iterations * FORWARDS_A_STEP),
    gradients: Math.round(iterations * (candidates + GRADIENTS_IN_VAIN)),
  };
}

/** FAB by norm: a projection is one file and one entry here. Random directions as in `fab_base.py` of fra31/auto-attack. */
export const FAB_NORMS: Readonly<Partial<Record<ThreatModel['norm'], FabNorm>>> = {
  Linf: {
    projection: projectionLinf,
    dual: sumOfMagnitudes,
    length: largestMagnitude,
    noise: (stream) => 2 * stream.uniform() - 1,
  },
  L2: { projection: projectionL2, dual: euclideanNorm, length: euclideanNorm, noise: (stream) => stream.normal() },
  L1: {
    projection: projectionL1,
    dual: largestMagnitude,
    length: sumOfMagnitudes,
    noise: (stream) => stream.normal(),
  },
};
