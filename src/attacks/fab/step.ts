import type { FabNorm } from './norms.ts';

/** Constants of arXiv:1907.02044 section 2 and `fab_base.py` of fra31/auto-attack. */
/** Largest weight of the way that starts from the clean image. */
const ALPHA_MAX = 0.1;
/** Overshooting: how far to go, the hyperplane being at 1. */
const ETA = 1.05;
/** Of an adversarial point's distance from the clean image, what the next step starts at. */
const BETA = 0.9;
/** Moves count as at least that long when their lengths are compared. */
const SHORTEST = 1e-8;

/** A linear model of how far a wrong class is ahead of the label: value + gradient . (z - x). */
export interface Face {
  /** z_target - z_label at x. */
  readonly value: number;
  /** [imageSize], finite. */
  readonly gradient: Float32Array;
}

/** Moves x, in place, to where the model's sign changes, and somewhat further. */
export type Step = (x: Float32Array, clean: Float32Array, face: Face) => void;

/**
 * The step of FAB: both x and the clean image are projected onto the hyperplane where the face is 0, and x goes to a mean of
 * the points somewhat behind, nearer to the clean image's the longer its own way is. Between the stores the arithmetic is
 * float64. Steps share scratch space: one at a time.
 */
export function fabStep(norm: FabNorm, imageSize: number): Step {
  const projection = norm.projection(imageSize);
  const fromX = new Float64Array(imageSize);
  const fromClean = new Float64Array(imageSize);
  return (x, clean, { value, gradient }) => {
    projection.aim(gradient);
    const way = Math.max(projection.move(x, value, fromX), SHORTEST);
    const wayFromClean = Math.max(projection.move(clean, valueAt(clean, x, value, gradient), fromClean), SHORTEST);
    const alpha = Math.min(way / (way + wayFromClean), ALPHA_MAX);
    mix(x, clean, fromX, fromClean, alpha);
  };
}

/** x becomes (x + eta fromX) (1 - alpha) + (clean + eta fromClean) alpha, within [0, 1]. */
function mix(x: Float32Array, clean: Float32Array, fromX: Float64Array, fromClean: Float64Array, alpha: number): void {
  for (let k = 0; k < x.length; k++) {
    const near = x[k]! + ETA * fromX[k]!;
    const far = clean[k]! + ETA * fromClean[k]!;
    x[k] = Math.min(Math.max(near * (1 - alpha) + far * alpha, 0), 1);
  }
}

/** What the linear model says at the clean image. */
function valueAt(clean: Float32Array, x: Float32Array, value: number, gradient: Float32Array): number {
  let sum = value;
  for (let k = 0; k < x.length; k++) sum += gradient[k]! * (clean[k]! - x[k]!);
  return sum;
}

/** Moves an adversarial point, in place, back towards the clean image. */
export function pullBack(x: Float32Array, clean: Float32Array): void {
  for (let k = 0; k < x.length; k++) {
    const centre = clean[k]!;
    x[k] = centre + (x[k]! - centre) * BETA;
  }
}
