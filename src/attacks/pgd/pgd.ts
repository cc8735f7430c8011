import { isFiniteRow } from '../../numeric/float32.ts';
import type { Attack } from '../core/attack.ts';
import { defineAttack } from '../core/attack-scheduler.ts';
import type { LossName } from '../core/losses.ts';
import { MeanGradient } from '../core/mean-gradient.ts';
import {
  attackRounds,
  type LossParameters,
  type ModelAnswer,
  type ModelQuery,
  type PerImageAttack,
  type Sample,
} from '../core/per-image-attack.ts';
import { isMisclassified } from '../core/predictions.ts';
import type { Ball } from '../norms/ball.ts';
import { ballFactory } from '../norms/threat-model.ts';

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
  return defineAttack<PgdState>({
    name,
    roundCost: () => ({ forwards: 1, gradients: iterations * eot }),
    rounds: (classes) => attackRounds({ restarts }, classes),
    prepare({ threat, model }) {
      const ballOf = ballFactory(threat, model.imageSize, name);
      const size = Math.fround(stepSize * threat.epsilon);
      return (sample, _, saved) => {
        const ball = ballOf(sample.clean);
        const schedule = {
          ...options,
          stepSize: () => size,
          start(x: Float32Array) {
            if (start === 'random') ball.randomStart(x, sample.stream);
          },
        };
        return new PgdRun(schedule, sample, ball, saved);
      };
    },
  });
}

/** Projected gradient ascent on a loss, by steps whose sizes are known beforehand. */
export interface PgdSchedule {
  readonly loss: LossName;
  readonly iterations: number;
  /** Gradients averaged in a step. */
  readonly eot: number;
  /** Moves `x`, the clean image, to the starting point. */
  start(x: Float32Array): void;
  /** Size of a step, the first one being 0, in the units of the image. */
  stepSize(step: number): number;
  /** What the loss takes at a step besides the label; `startLogits` [classes] is 0 until the start has been evaluated. */
  parameters?(step: number, startLogits: Float32Array): LossParameters;
}

export interface PgdState {
  readonly x: Float32Array;
  readonly startLogits: Float32Array;
  /** The mean so far, within a step of several gradients. */
  readonly gradient: Float32Array | null;
  readonly samples: number;
  readonly steps: number;
}

/** There is nothing but the new direction in a step. */
const NO_MOMENTUM = 1;

/**
 * Projected gradient ascent on one image (arXiv:1706.06083 section 2.1): what PGD and GAMA-PGD have in common. The point
 * after the last step is evaluated too, without a gradient. Public implementations count that point alone; here any
 * iterate that is misclassified is an example, of which there can only be more.
 */
export class PgdRun implements PerImageAttack<PgdState> {
  readonly #schedule: PgdSchedule;
  readonly #label: number;
  readonly #ball: Ball;
  readonly #gradient: MeanGradient;
  readonly #x: Float32Array;
  /** The iterate before the last step. */
  readonly #previous: Float32Array;
  readonly #startLogits: Float32Array;
  readonly #cleanLogits: Float32Array;
  #steps: number;

  constructor(schedule: PgdSchedule, { clean, label, logits }: Sample, ball: Ball, saved?: PgdState) {
    this.#schedule = schedule;
    this.#label = label;
    this.#ball = ball;
    this.#x = saved?.x ?? clean.slice();
    this.#previous = new Float32Array(clean.length);
    this.#cleanLogits = logits;
    this.#startLogits = saved?.startLogits ?? new Float32Array(logits.length);
    this.#gradient = new MeanGradient(clean.length, schedule.eot, saved);
    this.#steps = saved?.steps ?? 0;
    if (saved === undefined) schedule.start(this.#x);
  }

  get next(): ModelQuery | undefined {
    const { loss, iterations, parameters } = this.#schedule;
    const x = this.#x;
    if (this.#steps > iterations) return undefined;
    if (this.#steps === iterations) return { kind: 'logits', x };
    return { kind: 'gradient', loss, x, ...parameters?.(this.#steps, this.#startLogits) };
  }

  update({ logits, gradient }: ModelAnswer): Float32Array | undefined {
    const isLast = this.#steps === this.#schedule.iterations;
    if (!isLast && !this.#gradient.add(gradient)) return undefined;
    // Where the model gives none at the start, those of the clean image: NaN for a reference would blind every step.
    if (this.#steps === 0) this.#startLogits.set(isFiniteRow(logits) ? logits : this.#cleanLogits);
    if (!isLast) {
      const size = this.#schedule.stepSize(this.#steps);
      this.#ball.step(this.#x, this.#previous, this.#gradient.mean, size, NO_MOMENTUM);
    }
    this.#steps++;
    if (!isMisclassified(logits, this.#label)) return undefined;
    return isLast ? this.#x : this.#previous;
  }

  /** The last iterate, which is what public implementations return. */
  get best(): Float32Array {
    return this.#x;
  }

  save(): PgdState {
    return { x: this.#x, startLogits: this.#startLogits, ...this.#gradient.save(), steps: this.#steps };
  }
}
