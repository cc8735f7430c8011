import type { PublishedReport, PublishedRow } from '../contracts/report.ts';
import { fixedPercent, interval, points, signedPoints } from './format.ts';

type Measure = PublishedRow['measure'];

const MEASURE_WORDS: Readonly<Record<Exclude<Measure, 'attack'>, string>> = {
  clean: 'clean',
  robust: 'robust',
  'worst-case': 'worst case',
  'clean-gain': 'gain, clean',
  'robust-gain': 'gain, robust',
  'best-class-clean': 'best class, clean',
  'best-class-robust': 'best class, robust',
  'worst-class-clean': 'worst class, clean',
  'worst-class-robust': 'worst class, robust',
};

/** Columns of the table of published numbers, wherever it is printed. */
export const PUBLISHED_COLUMNS = ['variant', 'measure', 'published', 'ours', '95%', 'difference', 'within'] as const;

export function measureText({ measure, attack }: Pick<PublishedRow, 'measure' | 'attack'>): string {
  return measure === 'attack' ? `left by ${attack ?? '?'}` : MEASURE_WORDS[measure];
}

/** An accuracy, or a gain with its sign. */
export function measuredText({ measure }: Pick<PublishedRow, 'measure'>, share: number): string {
  return measure.endsWith('-gain') ? signedPoints(share) : fixedPercent(share);
}

/** Published numbers have two decimals, so ours get two beside them. */
export function publishedCells(row: PublishedRow): string[] {
  return [
    ...[row.variant, measureText(row), measuredText(row, row.published), measuredText(row, row.ours)],
    ...[interval(row.interval), points(row.difference), row.within ? 'yes' : 'no'],
  ];
}

/** What is to be said of the numbers: where they differ by their making, and what their source's notes are. */
export function publishedRemarks({ differences, notes }: PublishedReport): string[] {
  return [...differences, ...notes.map(({ variant, note }) => (variant === null ? note : `${variant}: ${note}`))];
}
