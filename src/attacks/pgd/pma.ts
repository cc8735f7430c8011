import type { RandomStream } from '../../numeric/random.ts';
import type { Attack, ThreatModel } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import { attackRounds } from '../core/per-image-attack.ts';
import { sparseBalls } from '../norms/sparse-ball.ts';
import { ballFactory } from '../norms/threat-model.ts';
import { PgdRun, type PgdSchedule, type PgdState } from './pgd.ts';

/** What is climbed alone in the first half of a run: a term of the margin, the label's probability or the largest other one. */
export type MarginTerm = 'label' | 'other';

export interface PmaOptions {
  /** How results name the attack. */
  readonly name: string;
  /** Steps of one run. */
  readonly iterations: number;
  /** The runs of one start, by the term that each begins with. */
  readonly terms: readonly MarginTerm[];
  /** Times that all of them are done anew, for the images still robust. */
  readonly restarts: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
}

/** Of the loss `probability-margin`: its terms alone, and both. */
const WEIGHTS: Readonly<Record<MarginTerm, number>> = { label: 0, other: 1 };
const BOTH_TERMS = 0.5;

/**
 * Probability Margin Attack (arXiv:2411.15210, class `MDAttack` in `MD.py` of xieyong0/PMA): sign steps that climb one term of
 * the margin of probabilities for half of a run and the margin for the other half, with sizes that fall from 2 epsilon
 * to 0 along a cosine in each half. It runs twice, first with the label's probability for its term, then with the
 * largest other one; its very first step goes up the label's probability. A run takes `iterations` steps of `eot` gradients each and
 * a forward evaluation at the end. The original is for L-infinity; in L2 steps go along the gradient, in L1 along its steepest coordinates.
 */
export function pma({ name, iterations, terms, restarts, eot }: PmaOptions): Attack {
  return defineAttack<PgdState>({
    name,
    roundCost: () => ({ forwards: 1, gradients: iterations * eot }),
    rounds: (classes) => attackRounds({ restarts: restarts * terms.length }, classes),
    prepare({ threat, model }) {
      const ballOf =
        threat.norm === 'L1'
          ? sparseBalls(threat.epsilon, model.imageSize)
          : ballFactory(threat, model.imageSize, name);
      return (sample, { restart }, saved) => {
        const ball = ballOf(sample.clean);
        const term = WEIGHTS[terms[restart % terms.length]!];
        const schedule: PgdSchedule = {
          loss: 'probability-margin',
          iterations,
          eot,
          start(x) {
            if (threat.norm === 'Linf') uniformStart(x, threat, sample.stream);
            else ball.randomStart(x, sample.stream);
          },
          stepSize: (step) => pmaStepSize(step, iterations, threat.epsilon),
          parameters: (step) => ({ weight: step === 0 ? WEIGHTS.label : step < iterations / 2 ? term : BOTH_TERMS }),
        };
        return new PgdRun(schedule, sample, ball, saved);
      };
    },
  });
}

/**
 * Size of a step, float32, that of the first one being negative: down the loss of the label's term. The original shifts its
 * cosines by a step, and changes the loss one step before the sizes.
 */
function pmaStepSize(step: number, iterations: number, epsilon: number): number {
  const half = iterations / 2;
  const since = step > half ? step - half - 1 : step - 1;
  const size = Math.fround(epsilon * (1 + Math.cos((since / half) * Math.PI)));
  return step === 0 ? -size : size;
}

/** Anywhere in the cube with equal chances, within [0, 1]; the original lets a start lie outside. */
function uniformStart(x: Float32Array, { epsilon }: ThreatModel, stream: RandomStream): void {
  for (let k = 0; k < x.length; k++) {
    const offset = Math.fround((2 * stream.uniform() - 1) * epsilon);
    x[k] = Math.min(Math.max(Math.fround(x[k]! + offset), 0), 1);
  }
}
