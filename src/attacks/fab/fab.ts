import { ConfigError } from '../../contracts/errors.ts';
import type { Attack, AttackCost, ThreatModel } from '../attack.ts';
import { attackOf } from '../drive.ts';
import { LOSSES } from '../losses.ts';
import { otherClasses } from '../predictions.ts';
import { roundsOf } from '../rounds.ts';
import type { AttackDefinition, Round, Subject } from '../search.ts';
import { FAB_NORMS, type FabNorm } from './norms.ts';
import { FabSearch, type FabState } from './search.ts';
import { fabStep } from './step.ts';

export interface FabOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Whether a search makes for one wrong class, or for the nearest at every step, for which it asks one gradient a class. */
  readonly targeted: boolean;
  /** Steps of one search. */
  readonly iterations: number;
  /** Searches (for each target) from new starts, the first one from the clean image, for the images still robust. */
  readonly restarts: number;
  /** Wrong classes a targeted attack aims at in turn, by falling clean logit; all of them by default and at most. */
  readonly targets?: number;
}

/**
 * Fast Adaptive Boundary attack (arXiv:1907.02044, `fab_base.py` and `fab_pt.py` of fra31/auto-attack): looks for the
 * closest adversarial example instead of one at a given distance; a round breaks an image if it comes within epsilon.
 * Running it throws ConfigError where the model has too few classes.
 */
export function fab(options: FabOptions): Attack {
  return attackOf(fabDefinition(options));
}

/** FAB as what it does to one image. */
export function fabDefinition(options: FabOptions): AttackDefinition<FabState> {
  const { name, targeted, iterations, restarts, targets = Number.POSITIVE_INFINITY } = options;
  return {
    name,
    roundCost: (classes) => roundCost(iterations, targeted ? 1 : classes - 1),
    rounds: (classes) => roundsOf(targeted ? { restarts, targets } : { restarts }, classes),
    enter({ threat, model: { classes, imageSize } }) {
      requireClasses(name, classes);
      const norm = FAB_NORMS[threat.norm];
      const tools = {
        threat,
        norm,
        step: fabStep(norm, imageSize),
        iterations,
        flat: { value: 0, gradient: new Float32Array(imageSize) },
        found: new Float32Array(imageSize),
      };
      return (subject, round, saved) =>
        new FabSearch(
          tools,
          subject,
          rivalsOf(subject, round, classes),
          saved ?? startOf(subject, round, threat, norm),
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

/** The classes whose faces count: the round's target or, in the order of classes, all wrong ones. */
function rivalsOf({ logits, label }: Subject, { rank }: Round, classes: number): number[] {
  const others = otherClasses(logits, 0, classes, label);
  return rank === undefined ? others.sort((a, b) => a - b) : [others[rank]!];
}

/** The clean image or, for all restarts but the first, a random point at half of epsilon from it. */
function startOf({ clean, stream }: Subject, { restart }: Round, threat: ThreatModel, norm: FabNorm): Float32Array {
  if (restart === 0) return clean.slice();
  const start = Float32Array.from(clean, () => norm.noise(stream));
  const scale = threat.epsilon / 2 / norm.length(start);
  for (let k = 0; k < start.length; k++) start[k] = Math.min(Math.max(clean[k]! + start[k]! * scale, 0), 1);
  return start;
}

/**
 * Of an image that holds out, as measured in L-infinity and L2, see `Crossings`: most steps are looked at by a forward, and few
 * gradients are in vain. In L1 there are fewer forwards.
 */
const FORWARDS_A_STEP = 0.87;
const GRADIENTS_IN_VAIN = 0.01;

function roundCost(iterations: number, faces: number): AttackCost {
  return {
    forwards: Math.round(iterations * FORWARDS_A_STEP),
    gradients: Math.round(iterations * (faces + GRADIENTS_IN_VAIN)),
  };
}
