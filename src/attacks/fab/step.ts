import type { RandomStream } from '../../numeric/random.ts';

/**
 * The box-constrained projection onto a hyperplane {z : w.z = b}, arXiv:1907.02044 section 2: the move d, shortest in the
 * norm, with w.(x + d) = b and x + d in [0, 1]^n. Where the hyperplane misses the box, every coordinate whose weight counts
 * moves to its bound.
 *
 * With c = w.x - b and c >= 0 (else w and c change sign), every coordinate may only move against the sign of w_i, by at
 * most its slack m_i: x_i where w_i > 0 and 1 - x_i where w_i < 0; together they have to lower w.x by c. `fab_projections.py`
 * of fra31/auto-attack sorts the coordinates to find out how far each one goes; none of the norms needs that.
 *
 * Projections of several points onto one hyperplane share what depends on w alone. Scratch arrays are allocated once for an
 * image size; they are float64.
 */
export interface HyperplaneProjection {
  /** Takes the hyperplane's normal w, finite, for the calls of `move` to come. */
  setNormal(normal: Float32Array): void;
  /** Writes d into `move`, for w.point - b = `excess`; gives its length in the norm. The point lies in [0, 1]. */
  move(point: Float32Array, excess: number, move: Float64Array): number;
}

/** Weights that count as 0 in L2 and L1, as in the original: they would not move anything far, divided by they do harm. */
export const NEGLIGIBLE = 1e-8;

/** All that FAB has to know of a norm. */
export interface FabNorm {
  /** Projections of images of `imageSize` numbers. */
  projection(imageSize: number): HyperplaneProjection;
  /** The norm that turns a difference of logits into a distance: |difference| / |gradient|*. NaN or infinity where an entry is. */
  dual(gradient: Float32Array): number;
  length(offset: Float32Array): number;
  /** One coordinate of a random direction. */
  noise(stream: RandomStream): number;
}

/**
 * How far a coordinate at `value`, in [0, 1], may go in a direction: -1 is down, 1 up; 0, which goes nowhere, gives
 * something between. Off by 2^-54 at most. A branch would be mispredicted every other time, gradients having random signs.
 */
export function boxSlack(value: number, direction: number): number {
  return 0.5 - direction * (value - 0.5);
}

/** The direction a coordinate moves in for w.x to fall, or to rise where `excess` is negative. */
export function moveDirection(excess: number): number {
  return excess >= 0 ? -1 : 1;
}

// Constants of arXiv:1907.02044 section 2 and `fab_base.py` of fra31/auto-attack.
/** Largest weight of the move that starts from the clean image. */
const ALPHA_MAX = 0.1;
/** Overshooting: how far to go, the hyperplane being at 1. */
const ETA = 1.05;
/** Of an adversarial point's distance from the clean image, what the next step starts at. */
const BETA = 0.9;
/** Moves count as at least that long when their lengths are compared. */
const SHORTEST = 1e-8;

/** A linear model of how far a wrong class is ahead of the label: value + gradient . (z - x). */
export interface LinearBoundary {
  /** z_target - z_label at x. */
  readonly value: number;
  /** [imageSize], finite. */
  readonly gradient: Float32Array;
}

/** Moves x, in place, to where the model's sign changes, and somewhat further. */
export type FabStep = (x: Float32Array, clean: Float32Array, boundary: LinearBoundary) => void;

/**
 * The step of FAB: both x and the clean image are projected onto the hyperplane where the linear boundary is 0, and x goes
 * to a mean of the two points, overshot by eta, nearer to the clean image's the longer its own move is. Between the stores
 * the arithmetic is float64. Steps share scratch space: one at a time.
 */
export function fabStep(norm: FabNorm, imageSize: number): FabStep {
  const projection = norm.projection(imageSize);
  const fromX = new Float64Array(imageSize);
  const fromClean = new Float64Array(imageSize);
  return (x, clean, { value, gradient }) => {
    projection.setNormal(gradient);
    const length = Math.max(projection.move(x, value, fromX), SHORTEST);
    const lengthFromClean = Math.max(projection.move(clean, valueAt(clean, x, value, gradient), fromClean), SHORTEST);
    const alpha = Math.min(length / (length + lengthFromClean), ALPHA_MAX);
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
