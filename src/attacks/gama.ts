import { ConfigError } from '../contracts/errors.ts';
import type { RandomStream } from '../random/stream.ts';
import type { Attack } from './attack.ts';
import { ballsOf } from './balls.ts';
import { attackOf } from './drive.ts';
import { roundsOf } from './rounds.ts';
import { Walk, type WalkState } from './walk.ts';

export interface GamaOptions {
  /** How results name the attack. */
  readonly name: string;
  readonly iterations: number;
  /** Runs from new starts, for the images still robust. */
  readonly restarts: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  /**
   * Whose probabilities to leave: those of the starting point, as in all public code, or those of the clean image, as the
   * paper has it.
   */
  readonly reference: 'start' | 'clean';
}

/** In units of epsilon, for the first steps; all numbers here are those of `GAMA_PGD.py`, val-iisc/GAMA-GAT. */
const FIRST_STEP = 2;
/** Shares of the iterations after which steps are shorter: 60 and 85 of 100. */
const DROPS = [0.6, 0.85];
const DROP = 10;
/** What leaving the reference counts at first, and the share of the iterations over which that fades to nothing. */
const WEIGHT = 50;
const FADING = 0.25;

/**
 * GAMA-PGD (arXiv:2011.14969, `GAMA_PGD.py` of val-iisc/GAMA-GAT): sign steps up the margin of probabilities, at first
 * with a pull away from a reference's probabilities, from a random corner of the cube. The IG-Defense paper's analysis of
 * activations uses it (`analysis.py` of Trustworthy-ML-Lab/Interpretability-Guided-Defense). A run takes `iterations`
 * steps of `eot` gradients each and a forward evaluation at the end.
 * Running it throws ConfigError where the norm is not L-infinity.
 */
export function gama({ name, iterations, restarts, eot, reference }: GamaOptions): Attack {
  return attackOf<WalkState>({
    name,
    roundCost: () => ({ forwards: 1, gradients: iterations * eot }),
    rounds: (classes) => roundsOf({ restarts }, classes),
    enter({ threat, model }) {
      if (threat.norm !== 'Linf')
        throw new ConfigError(`${name} is an attack in Linf, the norm is ${threat.norm}: use PGD or APGD there`);
      const balls = ballsOf(threat, model.imageSize, name);
      return (subject, _, saved) => {
        const route = {
          loss: 'gama',
          iterations,
          eot,
          size: (step: number) => stepSize(step, iterations, threat.epsilon),
          start: (x: Float32Array) => randomCorner(x, Math.fround(threat.epsilon), subject.stream),
          aim: (step: number, startLogits: Float32Array) => ({
            reference: softmax(reference === 'start' ? startLogits : subject.logits),
            // At the start itself the pull away from it is zero, and its probabilities are not known yet.
            weight: reference === 'start' && step === 0 ? 0 : weightAt(step, iterations),
          }),
        } as const;
        return new Walk(route, subject, balls(subject.clean), saved);
      };
    },
  });
}

export function stepSize(step: number, iterations: number, epsilon: number): number {
  const drops = DROPS.filter((share) => step >= Math.trunc(share * iterations));
  return Math.fround(drops.reduce((size) => size / DROP, FIRST_STEP * epsilon));
}

export function weightAt(step: number, iterations: number): number {
  return WEIGHT * Math.max(0, 1 - step / Math.max(1, Math.trunc(FADING * iterations)));
}

/** The original lets the corner lie outside [0, 1]; no model should be asked about that. */
function randomCorner(x: Float32Array, epsilon: number, stream: RandomStream): void {
  for (let k = 0; k < x.length; k++) {
    const offset = stream.integer(2) === 0 ? -epsilon : epsilon;
    x[k] = Math.min(Math.max(Math.fround(x[k]! + offset), 0), 1);
  }
}

function softmax(logits: Float32Array): Float32Array {
  const largest = logits.reduce((most, value) => Math.max(most, value));
  const powers = Array.from(logits, (value) => Math.exp(value - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return Float32Array.from(powers, (power) => power / total);
}
