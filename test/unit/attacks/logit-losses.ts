import type { LossName } from '../../../src/attacks/core/losses.ts';
import type { LossParameters } from '../../../src/attacks/core/per-image-attack.ts';

/** A loss of one image's logits with its gradient, in float64, written out by hand as a second opinion on the graphs. */
export interface LogitLoss {
  readonly value: number;
  readonly gradient: readonly number[];
}

export function logitLoss(name: LossName, z: readonly number[], label: number, parameters: LossParameters): LogitLoss {
  return LOSSES[name](z, label, parameters);
}

const LOSSES: Record<LossName, (z: readonly number[], label: number, aim: LossParameters) => LogitLoss> = {
  ce(z, label) {
    const largest = Math.max(...z);
    const total = z.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    return {
      value: Math.log(total) + largest - z[label]!,
      gradient: z.map((value, k) => Math.exp(value - largest) / total - (k === label ? 1 : 0)),
    };
  },
  cw(z, label) {
    return difference(z, bestOther(z, label), label);
  },
  dlr(z, label) {
    const [first, , third] = descending(z) as [number, number, number];
    return ratio(difference(z, bestOther(z, label), label), z[first]! - z[third]!, [
      [first, 1],
      [third, -1],
    ]);
  },
  difference(z, label, { target }) {
    return difference(z, target!, label);
  },
  'dlr-targeted'(z, label, { target }) {
    const [first, , third, fourth] = descending(z) as [number, number, number, number];
    return ratio(difference(z, target!, label), z[first]! - (z[third]! + z[fourth]!) / 2, [
      [first, 1],
      [third, -0.5],
      [fourth, -0.5],
    ]);
  },
  gama(z, label, { reference, weight }) {
    const p = softmax(z);
    // The lower class of equals, unlike in the losses on logits: see `largestOther` in losses.ts.
    const others = [...p.keys()].filter((k) => k !== label);
    const other = others.reduce((best, k) => (p[k]! > p[best]! ? k : best));
    const shifts = p.map((value, k) => value - reference![k]!);
    const squares = shifts.reduce((sum, shift) => sum + shift * shift, 0);
    const upstream = shifts.map((shift, k) => 2 * weight! * shift + (k === other ? 1 : 0) - (k === label ? 1 : 0));
    const mean = upstream.reduce((sum, part, k) => sum + part * p[k]!, 0);
    return {
      value: weight! * squares + p[other]! - p[label]!,
      gradient: p.map((value, k) => value * (upstream[k]! - mean)),
    };
  },
  'probability-margin'(z, label, { weight }) {
    const p = softmax(z);
    const others = [...p.keys()].filter((k) => k !== label);
    const other = others.reduce((best, k) => (p[k]! > p[best]! ? k : best));
    const upstream = z.map((_, k) => 2 * (k === other ? weight! : k === label ? weight! - 1 : 0));
    const mean = upstream.reduce((sum, part, k) => sum + part * p[k]!, 0);
    return {
      value: 2 * (weight! * p[other]! - (1 - weight!) * p[label]!),
      gradient: p.map((value, k) => value * (upstream[k]! - mean)),
    };
  },
};

function softmax(z: readonly number[]): number[] {
  const largest = Math.max(...z);
  const total = z.reduce((sum, value) => sum + Math.exp(value - largest), 0);
  return z.map((value) => Math.exp(value - largest) / total);
}

/** Classes by falling logit, the higher class first among equals. */
function descending(z: readonly number[]): number[] {
  return [...z.keys()].sort((a, b) => z[b]! - z[a]! || b - a);
}

function bestOther(z: readonly number[], label: number): number {
  return descending(z).find((k) => k !== label)!;
}

function difference(z: readonly number[], up: number, down: number): LogitLoss {
  const gradient = z.map((_, k) => (k === up ? 1 : 0) - (k === down ? 1 : 0));
  return { value: z[up]! - z[down]!, gradient };
}

/** The numerator over spread + 1e-12, where `parts` are the derivatives of the spread. */
function ratio(numerator: LogitLoss, spread: number, parts: readonly (readonly [number, number])[]): LogitLoss {
  const denominator = spread + 1e-12;
  const value = numerator.value / denominator;
  const gradient = numerator.gradient.map((part) => part / denominator);
  for (const [k, part] of parts) gradient[k]! -= (value * part) / denominator;
  return { value, gradient };
}
