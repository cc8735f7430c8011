import { type L1Projection, l1Projection } from '../l1/projection.ts';

/** What the attack with bumps needs to know of a norm. */
export interface BumpNorm {
  /** The norm is the p-th root of a sum of p-th powers. */
  readonly p: 1 | 2;
  /** Ring i of a bump, counted from 1 in its middle, rises i^-falloff above the ring around it. */
  readonly falloff: number;
  /** How often a channel gets the p-th power that a proposal has for it. */
  gain(channels: number): number;
  /** Brings a point that is as far out as bumps make it into ball and box; undefined where proposals keep their length. */
  landing(imageSize: number): L1Projection | undefined;
}

/** Proposals keep the length: `square.py` normalises them once more, which changes nothing but rounding. */
export const L2_BUMPS: BumpNorm = { p: 2, falloff: 2, gain: () => 1, landing: () => undefined };

/** Squares come out as many times too long as there are channels, and the projection shortens all of the image. */
export const L1_BUMPS: BumpNorm = { p: 1, falloff: 4, gain: (channels) => channels, landing: l1Projection };

export function powerOf(value: number, p: 1 | 2): number {
  return p === 2 ? value * value : Math.abs(value);
}

/** The norm, given the sum of p-th powers. */
export function lengthOf(sum: number, p: 1 | 2): number {
  return p === 2 ? Math.sqrt(sum) : sum;
}
