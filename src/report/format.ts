import type { Share } from '../schemas/report.ts';

/** How numbers are written, everywhere a person reads them. */

const MINUS = '\u2212';

function fixed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/** 0.4137 is "41.4%". */
export function percent(share: number): string {
  return `${fixed(100 * share, 1)}%`;
}

/** 0.5334 is "53.34%": as papers print accuracies on 10,000 images. */
export function fixedPercent(share: number): string {
  return `${fixed(100 * share, 2)}%`;
}

/** A difference of two shares in percentage points, as papers print gains: "+2.03". */
export function signedPoints(difference: number): string {
  const text = fixed(100 * difference, 2);
  return difference > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** [0.3712, 0.4577] is "[37.1, 45.8]", in percent. */
export function interval([low, high]: Share['interval']): string {
  return `[${fixed(100 * low, 1)}, ${fixed(100 * high, 1)}]`;
}

/** "41.4% [37.1, 45.8]" */
export function shareText(share: Pick<Share, 'accuracy' | 'interval'>): string {
  return `${percent(share.accuracy)} ${interval(share.interval)}`;
}

/** A difference of two shares in percentage points, with its sign: "+12.5". */
export function points(difference: number): string {
  const text = fixed(100 * difference, 1);
  return difference > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** "p = 0.031" or, where three digits say nothing more, "p < 0.001". */
export function pValue(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`;
}

/** 12345 is "12,345". */
export function count(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** "1 image", "500 images" */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** "0.4 s", "12 min 3 s", "3 h 20 min" */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${count(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

/** A radius as papers write it: 0.0313725... is "8/255", 0.5 stays "0.5". */
export function radius(epsilon: number): string {
  const plain = String(epsilon);
  const steps = Math.round(epsilon * 2550) / 10;
  const isSteps = Math.abs(epsilon * 255 - steps) < 1e-6;
  if (plain.length <= 6) return plain;
  return isSteps ? `${steps}/255` : String(Number(epsilon.toPrecision(4)));
}

/** "a", "a and b", "a, b and c" */
export function list(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}
