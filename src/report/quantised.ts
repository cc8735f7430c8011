import type { QuantisedReport, Report, Share } from '../schemas/report.ts';
import { count, counted, percent } from './format.ts';

/** Below the sentences. */
export const QUANTISED_LEGEND =
  'Each adversarial example is rounded to the nearest integer, as a file of an image would hold it, and evaluated again. That is an upper bound ' +
  'on what is robust to examples in files: an attack that knows of the rounding may break more.';

/** What becomes of a variant's examples in files, in a sentence. */
export interface QuantisedLine {
  readonly id: string;
  readonly text: string;
}

/** Variant by variant; nothing of those without examples, or of runs before it was looked at. */
export function quantisedLines({ variants }: Report): QuantisedLine[] {
  return variants.flatMap(({ id, robust, quantised }) =>
    quantised === undefined || quantised.examples === 0 ? [] : [{ id, text: quantisedText(quantised, robust) }],
  );
}

/** "rounded to 8 bits, 3 of 120 adversarial examples are classified right: at most 31.2% is robust, not 30.6%"; `robust` is that of floats. */
export function quantisedText(quantised: QuantisedReport, robust: Share): string {
  const { bits, examples, restored, unpredicted = 0, outside, offGrid } = quantised;
  const all = counted(examples, 'adversarial example');
  const steps = counted(bits, 'bit');
  const found =
    restored === 0
      ? `rounded to ${steps}, none of ${all} is classified right: at most ${percent(robust.accuracy)} is robust, as before`
      : `rounded to ${steps}, ${count(restored)} of ${all} ${restored === 1 ? 'is' : 'are'} classified right: at most ` +
        `${percent(quantised.robust.accuracy)} is robust, ${percent(robust.accuracy)} before`;
  return [
    found,
    ...(unpredicted === 0 ? [] : [`of ${count(unpredicted)} the model gives no prediction, which counts as wrong`]),
    ...(outside === 0
      ? []
      : [
          `rounding takes ${count(outside)} of them beyond epsilon, a pixel by 1/${2 * (2 ** bits - 1)} at most; they count all the same`,
        ]),
    ...(offGrid === 0
      ? []
      : [
          `the images of ${count(offGrid)} are not of ${steps} themselves: a file would change them too, and what the model then makes of them is not looked at`,
        ]),
  ].join('; ');
}
