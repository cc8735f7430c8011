import { type Scores, topUnits } from '../defense/mask-set.ts';
import { RankingError } from '../errors.ts';
import type { Flag } from '../schemas/report.ts';

/** What can be said of a ranking before any image is attacked. */
export interface RankingDiagnostics {
  /** [C][C] Jaccard overlap of the classes' top-k units. */
  readonly overlap: number[][];
  /** Mean over pairs of different classes; 1 for a single class. */
  readonly meanOverlap: number;
  /** Units of no importance to any class. */
  readonly deadUnits: number;
  /** What a reader must know before trusting it, a code and a sentence each. */
  readonly flags: readonly Flag[];
  /** True where the masks would carry no class information: blind pruning, not a defence. */
  readonly degenerate: boolean;
}

/**
 * From this mean overlap on, a ranking is called collapsed. A published analysis had every class share one top-8 (overlap 1);
 * sound LO-IR rankings measure 0.05 to 0.5, chance k / (2 D - k).
 */
const COLLAPSED_OVERLAP = 0.9;

/** Checks the top-`keep` units of every class for signs that the ranking means nothing. */
export function diagnose(scores: Scores, keep: number): RankingDiagnostics {
  const { classes } = scores;
  const tops = Array.from({ length: classes }, (_, c) => new Set(topUnits(scores, c, keep)));
  const overlap = tops.map((a) => tops.map((b) => jaccard(a, b)));
  const pairs = overlap.flatMap((row, a) => row.slice(a + 1));
  const meanOverlap = pairs.length === 0 ? 1 : pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
  const keepsAll = keep >= scores.units;
  const flags = [
    ...nonFinite(scores),
    ...(keepsAll ? [] : collapsed(meanOverlap, keep, classes)),
    ...emptyClasses(scores),
    ...tiedAtCut(scores, keep),
  ];
  const fatal = new Set(['non-finite', 'collapsed', 'empty-class']);
  return {
    overlap,
    meanOverlap,
    deadUnits: deadUnits(scores),
    flags,
    degenerate: flags.some(({ code }) => fatal.has(code)),
  };
}

/** Throws RankingError naming what is wrong, unless the ranking is sound or degenerate ones are allowed. */
export function requireSound(diagnostics: RankingDiagnostics, method: string, allowDegenerate: boolean): void {
  if (!diagnostics.degenerate || allowDegenerate) return;
  throw new RankingError(
    `the ${method} ranking is degenerate: ${diagnostics.flags.map(({ message }) => message).join('; ')}. ` +
      'Rank on more probe images or another layer, or set "ranking": {"allowDegenerate": true} to evaluate it all the same',
  );
}

function nonFinite({ data, classes }: Scores): Flag[] {
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return [];
  return [
    {
      code: 'non-finite',
      message: `the score of unit ${Math.floor(at / classes)} for class ${at % classes} is ${data[at]}`,
    },
  ];
}

function collapsed(meanOverlap: number, keep: number, classes: number): Flag[] {
  if (classes < 2 || meanOverlap < COLLAPSED_OVERLAP) return [];
  const message = `all classes share nearly the same top ${keep} units (mean overlap ${meanOverlap.toFixed(2)}): it carries no class information`;
  return [{ code: 'collapsed', message }];
}

function emptyClasses({ data, units, classes }: Scores): Flag[] {
  const empty = Array.from({ length: classes }, (_, c) => c).filter((c) =>
    allZero(units, (unit) => data[unit * classes + c]),
  );
  if (empty.length === 0) return [];
  const named = `class${empty.length > 1 ? 'es' : ''} ${empty.slice(0, 5).join(', ')}${empty.length > 5 ? ', ...' : ''}`;
  return [
    {
      code: 'empty-class',
      message: `all scores are zero for ${named}: no probe image has that label, or the layer is dead`,
    },
  ];
}

function tiedAtCut(scores: Scores, keep: number): Flag[] {
  const { units, classes, data } = scores;
  if (keep >= units) return [];
  const tied = Array.from({ length: classes }, (_, c) => c).filter((c) => {
    const [last, next] = topUnits(scores, c, keep + 1).slice(-2) as [number, number];
    return data[last * classes + c] === data[next * classes + c];
  });
  if (tied.length === 0) return [];
  const message = `${tied.length} of ${classes} classes have a tie at rank ${keep}: which unit is kept is arbitrary`;
  return [{ code: 'tie-at-cut', message }];
}

function deadUnits({ units, classes, data }: Scores): number {
  return Array.from({ length: units }, (_, unit) => unit).filter((unit) =>
    allZero(classes, (c) => data[unit * classes + c]),
  ).length;
}

function allZero(count: number, valueAt: (index: number) => number | undefined): boolean {
  for (let i = 0; i < count; i++) if (valueAt(i) !== 0) return false;
  return true;
}

/** |a and b| / |a or b|; 1 for two empty sets. */
export function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  const both = [...a].filter((unit) => b.has(unit)).length;
  const either = a.size + b.size - both;
  return either === 0 ? 1 : both / either;
}
