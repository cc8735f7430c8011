import { ConfigError } from '../../errors.ts';
import type { ThreatModel } from '../core/attack.ts';
import type { BallFactory } from './ball.ts';
import { l2Balls } from './l2.ts';
import { linfBalls } from './linf.ts';

type Norm = ThreatModel['norm'];

/** What a norm means for one image. */
interface NormRules {
  /** In float64. */
  distance(a: Float32Array, b: Float32Array): number;
  /** Moves a candidate that is too far away into the ball, in place; both lie in [0, 1] and so does the result. */
  clip(candidate: Float32Array, clean: Float32Array, threat: ThreatModel): void;
}

const NORMS: Readonly<Record<Norm, NormRules>> = {
  Linf: { distance: largestGap, clip: clipToCube },
  L2: { distance: (a, b) => Math.sqrt(sumOfSquares(a, b)), clip: pullTowardsClean },
  L1: { distance: sumOfGaps, clip: pullTowardsClean },
};

// Loops and not `reduce`, which takes ten times as long: FAB measures a distance at nearly every step.
function largestGap(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let k = 0; k < a.length; k++) largest = Math.max(largest, Math.abs(a[k]! - b[k]!));
  return largest;
}

function sumOfSquares(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) {
    const gap = a[k]! - b[k]!;
    sum += gap * gap;
  }
  return sum;
}

function sumOfGaps(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += Math.abs(a[k]! - b[k]!);
  return sum;
}

/** Distance of one image from its clean one, in float64. */
export function distance(candidate: Float32Array, clean: Float32Array, norm: Norm): number {
  return NORMS[norm].distance(candidate, clean);
}

/**
 * How far beyond epsilon an honest candidate may be measured to lie: coordinates are float32, each off by up to 3e-8, and
 * a norm adds thousands of them up.
 */
function threatTolerance({ epsilon }: ThreatModel): number {
  return 1e-6 * Math.max(1, epsilon);
}

/** Whether an image lies in [0, 1] and, up to `tolerance`, in the ball; false where a number is not finite. */
export function isWithinThreat(candidate: Float32Array, clean: Float32Array, threat: ThreatModel): boolean {
  return (
    candidate.every((value) => value >= 0 && value <= 1) &&
    distance(candidate, clean, threat.norm) <= threat.epsilon + threatTolerance(threat)
  );
}

/**
 * Brings one image, in place, into [0, 1] and the ball around its clean image. What is there already stays as it is, bit
 * for bit; a NaN becomes the clean value.
 */
export function clipToThreat(candidate: Float32Array, clean: Float32Array, threat: ThreatModel): void {
  for (let k = 0; k < candidate.length; k++) {
    const value = candidate[k]!;
    candidate[k] = Number.isNaN(value) ? clean[k]! : Math.min(Math.max(value, 0), 1);
  }
  NORMS[threat.norm].clip(candidate, clean, threat);
}

/** Each coordinate on its own, to the same float32 bounds that the attacks keep to. */
function clipToCube(candidate: Float32Array, clean: Float32Array, { epsilon }: ThreatModel): void {
  const radius = Math.fround(epsilon);
  for (let k = 0; k < candidate.length; k++) {
    const centre = clean[k]!;
    candidate[k] = Math.min(Math.max(candidate[k]!, Math.fround(centre - radius)), Math.fround(centre + radius));
  }
}

/** Along the straight line to the clean image, which stays within [0, 1]; not the nearest point, but a safe one. */
function pullTowardsClean(candidate: Float32Array, clean: Float32Array, threat: ThreatModel): void {
  const length = distance(candidate, clean, threat.norm);
  if (length <= threat.epsilon + threatTolerance(threat)) return;
  const share = threat.epsilon / length;
  for (let k = 0; k < candidate.length; k++) candidate[k] = clean[k]! + (candidate[k]! - clean[k]!) * share;
}

/** Balls by norm; `epsilon` is a float32 number. A norm is one file and one line here. */
const BALLS: Partial<Record<ThreatModel['norm'], (epsilon: number, imageSize: number) => BallFactory>> = {
  Linf: linfBalls,
  L2: l2Balls,
};

/** The balls of a threat model, for images of `imageSize` numbers. Throws ConfigError where the attack lacks the norm. */
export function ballFactory(threat: ThreatModel, imageSize: number, attack: string): BallFactory {
  return ofNorm(BALLS, threat.norm, attack)(Math.fround(threat.epsilon), imageSize);
}

/** What an attack has for a norm. Throws ConfigError where it has nothing. */
export function ofNorm<T>(table: Readonly<Partial<Record<Norm, T>>>, norm: Norm, attack: string): T {
  const entry = table[norm];
  if (entry === undefined)
    throw new ConfigError(`${attack} has no ${norm} norm: set threat.norm to one of ${Object.keys(table).join(', ')}`);
  return entry;
}
