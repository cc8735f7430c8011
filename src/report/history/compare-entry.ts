import { InputError } from '../../errors.ts';
import { SIGNIFICANCE } from '../../numeric/statistics.ts';
import type { HistoryComparison, HistoryEntry, HistoryResults } from '../../schemas/history.ts';
import type { Report } from '../../schemas/report.ts';
import { compareRuns } from '../compare/compare-runs.ts';
import { suiteText, threatText } from '../compare/differences.ts';
import type { RunOutcomes } from '../compare/run-outcomes.ts';
import { comparisonSentence, regressionsOf, testsOf } from '../compare/sentence.ts';
import { dateText } from './dates.ts';

/** An entry of before that left results. */
export interface EarlierResults {
  readonly at: string;
  readonly run: string;
  readonly results: HistoryResults;
}

/** What a history keeps of a report, which lies under `prefix` of the runs bucket. */
export function resultsOf({ run, checkpoint, dataset, variants }: Report, prefix: string): HistoryResults {
  const { uri, sha256 } = dataset.test;
  return {
    report: prefix,
    igdVersion: run.igdVersion,
    numerics: run.numerics ?? 1,
    images: run.images,
    isPartial: run.missing.length > 0,
    checkpoint: { uri: checkpoint.uri, sha256: checkpoint.sha256 },
    data: { uri, sha256, format: dataset.format },
    threat: threatText(run.threat),
    suite: suiteText(run.suite.map(({ name }) => name)),
    variants: variants.map(({ id, threshold, clean, robust }) => ({
      id,
      ...(threshold !== undefined && { threshold }),
      clean,
      robust,
    })),
  };
}

/** What has to be the same for two accuracies to be of one question. */
const QUESTION: Readonly<Record<string, (results: HistoryResults) => string>> = {
  'test data': ({ data }) => `${data.format} ${data.uri}, sha256 ${data.sha256.slice(0, 12)}`,
  'threat model': ({ threat }) => threat,
  suite: ({ suite }) => suite,
};

/** Equal texts, one question. The same data under another name are the same. */
export function questionOf({ data, threat, suite }: HistoryResults): string {
  return [data.format, data.sha256, threat, suite].join('\n');
}

/** What results are to be compared with: the newest of before, of the same question where there is one. */
export function comparedWith(results: HistoryResults, earlier: readonly EarlierResults[]): EarlierResults | undefined {
  const newestFirst = earlier.toSorted((a, b) => b.at.localeCompare(a.at));
  const question = questionOf(results);
  return newestFirst.find((entry) => questionOf(entry.results) === question) ?? newestFirst[0];
}

/** Why two results are of different questions; undefined where they are of one. */
export function otherQuestion(now: HistoryResults, before: HistoryResults): string | undefined {
  if (questionOf(now) === questionOf(before)) return undefined;
  const differing = Object.entries(QUESTION).filter(([, text]) => text(now) !== text(before));
  return differing.map(([what, text]) => `${what}: ${text(before)} before, ${text(now)} now`).join('; ');
}

/** A run against an earlier one of its schedule, image by image; what cannot be compared is said, with the reason. */
export function compareWith(earlier: EarlierResults, before: RunOutcomes, now: RunOutcomes, at: string) {
  try {
    return comparisonOf(earlier, before, now, at);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return notCompared(earlier, at, error.message);
  }
}

function comparisonOf(earlier: EarlierResults, before: RunOutcomes, now: RunOutcomes, at: string): HistoryComparison {
  const comparison = compareRuns(before, now);
  // As a baseline of "igd check" is refused: a stronger attack is no regression, a weaker one hides those there are.
  if (comparison.cautions.length > 0) return notCompared(earlier, at, comparison.cautions.join('; '));
  const rose = testsOf(comparison).some(({ result }) => result.adjusted < SIGNIFICANCE && result.difference > 0);
  const fell = regressionsOf(comparison).length > 0;
  return {
    verdict: fell ? 'regressed' : rose ? 'improved' : 'unchanged',
    sentence: comparisonSentence(comparison, SIGNIFICANCE, dateText(earlier.at, at)),
    since: { at: earlier.at, run: earlier.run },
    images: comparison.images,
    tests: testsOf(comparison).map(({ variant, measure, result: { a, b, difference, interval, adjusted } }) => ({
      ...{ variant, measure, before: a.accuracy, now: b.accuracy, difference, interval, pValue: adjusted },
    })),
    differences: comparison.differences.map(({ what, a, b }) => ({ what, before: a, now: b })),
  };
}

export function notCompared({ at: since }: Pick<HistoryEntry, 'at'>, at: string, why: string): HistoryComparison {
  return { verdict: 'not-compared', sentence: `not compared with ${dateText(since, at)}: ${why}` };
}

/** The schedule fired for a run whose results are the last ones: config and inputs are the same. */
export function unchangedSince({ at: since, run, results }: EarlierResults, at: string): HistoryComparison {
  return {
    verdict: 'unchanged',
    sentence: `nothing changed since ${dateText(since, at)}: same config, same inputs, nothing computed again`,
    since: { at: since, run },
    images: results.images,
    tests: [],
    differences: [],
  };
}
