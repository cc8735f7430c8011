import type { SweepMeasure } from '../contracts/sweep-report.ts';

/** Measures as headings have them, and how tables name them. */
export const MEASURE_TITLES: Readonly<Record<SweepMeasure, string>> = {
  clean: 'Clean accuracy',
  robust: 'Robust accuracy',
  worstCase: 'Worst case over variants',
};

export const MEASURE_NAMES: Readonly<Record<SweepMeasure, string>> = {
  clean: 'clean',
  robust: 'robust',
  worstCase: 'worst-case',
};
