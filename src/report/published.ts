import { pairedInterval, wilsonInterval } from '../numeric/statistics.ts';
import type { PublishedVariant } from '../schemas/published.ts';
import type { Comparison, PublishedReport, PublishedRow, Share, VariantReport } from '../schemas/report.ts';
import { fixedPercent, interval, points, signedPoints } from './format.ts';
import type { PublishedFacts } from './summary/outcomes.ts';

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

type Summary = Pick<VariantReport, 'id' | 'mask' | 'clean' | 'robust' | 'worstCase' | 'attacks' | 'perClass'>;
type Found = Pick<Share, 'accuracy' | 'interval'>;
/** What the numbers are over. */
interface Compared {
  readonly images: number;
  /** Independent images that tell as much; fewer where some are copies. */
  readonly effective: number;
  readonly comparisons: readonly Comparison[];
}

type Subject = Pick<PublishedRow, 'measure' | 'attack'>;

/** Published numbers beside ours, in the order of our variants; what a variant published nothing of has no row. */
export function comparePublished(
  { source, note, variants: published, differences }: PublishedFacts,
  variants: readonly Summary[],
  { images, effective, comparisons }: Compared,
): PublishedReport {
  const base = variants.find(({ mask }) => mask === 'none');
  const gains = (variant: Summary) => (measure: 'clean' | 'robust') =>
    gainOver(base, variant, measure, { images, effective, comparisons });
  const notes = variants.flatMap(({ id }) => {
    const own = published[id]?.note;
    return own === undefined ? [] : [{ variant: id, note: own }];
  });
  return {
    source,
    differences: [...differences],
    notes: [...(note === undefined ? [] : [{ variant: null, note }]), ...notes],
    rows: variants.flatMap((variant) =>
      rowsOf(variant, published[variant.id] ?? {}, effective / images, gains(variant)),
    ),
  };
}

function rowsOf(
  variant: Summary,
  published: PublishedVariant,
  distinct: number,
  gainOf: (measure: 'clean' | 'robust') => Found | undefined,
): PublishedRow[] {
  const { clean, robust, worstCase, attacks = {}, gain, bestClass, worstClass } = published;
  const row = (subject: Subject, theirs: number | undefined, ours: Found | undefined): PublishedRow[] =>
    theirs === undefined || ours === undefined ? [] : [compare(variant.id, subject, theirs / 100, ours)];
  return [
    ...row({ measure: 'clean' }, clean, variant.clean),
    ...Object.entries(attacks).flatMap(([attack, theirs]) =>
      row({ measure: 'attack', attack }, theirs, leftBy(variant, attack)),
    ),
    ...row({ measure: 'robust' }, robust, variant.robust),
    ...row({ measure: 'worst-case' }, worstCase, variant.worstCase),
    ...row({ measure: 'clean-gain' }, gain?.clean, gainOf('clean')),
    ...row({ measure: 'robust-gain' }, gain?.robust, gainOf('robust')),
    ...row({ measure: 'best-class-clean' }, bestClass?.clean, extremeClass(variant, 'clean', Math.max, distinct)),
    ...row({ measure: 'best-class-robust' }, bestClass?.robust, extremeClass(variant, 'robust', Math.max, distinct)),
    ...row({ measure: 'worst-class-clean' }, worstClass?.clean, extremeClass(variant, 'clean', Math.min, distinct)),
    ...row({ measure: 'worst-class-robust' }, worstClass?.robust, extremeClass(variant, 'robust', Math.min, distinct)),
  ];
}

function compare(variant: string, subject: Subject, published: number, { accuracy, interval }: Found): PublishedRow {
  const [low, high] = interval;
  const within = low <= published && published <= high;
  return { variant, ...subject, published, ours: accuracy, interval, difference: accuracy - published, within };
}

/** What the attack of this name left, or the last one of this group. */
function leftBy({ attacks }: Summary, name: string): Found | undefined {
  const row = attacks.find(({ attack }) => attack === name) ?? attacks.findLast(({ group }) => group === name);
  if (row === undefined) return undefined;
  return { accuracy: row.robustAccuracy, interval: row.interval };
}

/** The class that stands out; its interval is that of its own images, as if it had not been picked. */
function extremeClass(
  { perClass }: Summary,
  measure: 'clean' | 'robust',
  pick: (...values: number[]) => number,
  distinct: number,
): Found | undefined {
  const accuracy = pick(...perClass.map((row) => row[measure]));
  const row = perClass.find((candidate) => candidate[measure] === accuracy);
  return (
    row && { accuracy, interval: wilsonInterval(Math.round(accuracy * row.images), row.images, row.images * distinct) }
  );
}

/** Accuracy less that of the undefended model on the same images. */
function gainOver(
  base: Summary | undefined,
  variant: Summary,
  measure: 'clean' | 'robust',
  { images, effective, comparisons }: Compared,
): Found | undefined {
  const pair = (a: string, b: string) =>
    comparisons.find((one) => one.measure === measure && one.a === a && one.b === b);
  if (base === undefined) return undefined;
  const [forwards, backwards] = [pair(base.id, variant.id), pair(variant.id, base.id)];
  const onlyA = forwards?.onlyA ?? backwards?.onlyB;
  const onlyB = forwards?.onlyB ?? backwards?.onlyA;
  if (onlyA === undefined || onlyB === undefined) return undefined;
  const [correctA, correctB] = [base[measure].correct, variant[measure].correct];
  const distinct = effective / images;
  const counts = { correctA: correctA * distinct, correctB: correctB * distinct, onlyA: onlyA * distinct };
  const interval = pairedInterval({ ...counts, onlyB: onlyB * distinct, total: effective });
  return { accuracy: (correctB - correctA) / images, interval };
}
