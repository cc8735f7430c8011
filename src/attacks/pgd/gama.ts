import { ConfigError } from '../../errors.ts';
import type { RandomStream } from '../../numeric/random.ts';
import type { Attack } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import { attackRounds } from '../core/per-image-attack.ts';
import { ballFactory } from '../norms/threat-model.ts';
import { PgdRun, type PgdState } from './pgd.ts';

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
  return defineAttack<PgdState>({
    name,
    roundCost: () => ({ forwards: 1, gradients: iterations * eot }),
    rounds: (classes) => attackRounds({ restarts }, classes),
    prepare({ threat, model }) {
      if (threat.norm !== 'Linf')
        throw new ConfigError(`${name} is an attack in Linf, the norm is ${threat.norm}: use PGD or APGD there`);
      const ballOf = ballFactory(threat, model.imageSize, name);
      return (sample, _, saved) => {
        const schedule = {
          loss: 'gama',
          iterations,
          eot,
          stepSize: (step: number) => gamaStepSize(step, iterations, threat.epsilon),
          start: (x: Float32Array) => randomCorner(x, Math.fround(threat.epsilon), sample.stream),
          parameters: (step: number, startLogits: Float32Array) => ({
            reference: softmax(reference === 'start' ? startLogits : sample.logits),
            // At the start itself the pull away from it is zero, and its probabilities are not known yet.
            weight: reference === 'start' && step === 0 ? 0 : gamaWeight(step, iterations),
          }),
        } as const;
        return new PgdRun(schedule, sample, ballOf(sample.clean), saved);
      };
    },
  });
}

export function gamaStepSize(step: number, iterations: number, epsilon: number): number {
  const drops = DROPS.filter((share) => step >= Math.trunc(share * iterations));
  return Math.fround(drops.reduce((size) => size / DROP, FIRST_STEP * epsilon));
}

export function gamaWeight(step: number, iterations: number): number {
  return WEIGHT * Math.max(0, 1 - step / Math.max(1, Math.trunc(FADING * iterations)));
}

/** The original lets the corner lie outside [0, 1]; no model should be evaluated there. */
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
