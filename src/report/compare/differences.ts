import type { RunComparison } from '../../schemas/comparison.ts';
import { describeReading } from '../../schemas/reading.ts';
import type { Report } from '../../schemas/report.ts';
import { count, list, radius } from '../format.ts';
import type { RunOutcomes } from './run-outcomes.ts';

/** What a run was given that its numbers depend on, as people read it. The test set is not there: it has to be the same. */
const GIVEN: Readonly<Record<string, (report: Report) => string>> = {
  checkpoint: ({ checkpoint }) => `${checkpoint.architecture}, ${checkpoint.sha256.slice(0, 12)}`,
  reading: ({ checkpoint }) => list(describeReading(checkpoint.reading ?? [])),
  images: ({ run }) => count(run.images),
  'threat model': ({ run }) => threatText(run.threat),
  suite: ({ run }) => suiteText(run.suite.map(({ name }) => name)),
  seed: ({ run }) => String(run.seed),
  temperature: ({ run }) => String(run.temperature),
  smoothing: ({ run: { smoothing } }) =>
    smoothing === null ? 'none' : `${count(smoothing.samples)} of σ = ${exactRadius(smoothing.sigma)}`,
  'adversarial examples': ({ run }) => `${run.examples} misclassified iterate`,
  layer: ({ ranking }) => ranking.layer ?? 'none',
  'important units': ({ ranking }) => String(ranking.importantUnits ?? 'none'),
  rankings: ({ ranking }) =>
    list(ranking.methods.map(({ method, digest }) => `${method} ${digest?.slice(0, 12) ?? 'imported'}`)) || 'none',
  numerics: ({ run }) => String(run.numerics ?? 1),
  'version of igd': ({ run }) => run.igdVersion,
};

export function threatText({ norm, epsilon }: Report['run']['threat']): string {
  return `${norm}, ε = ${exactRadius(epsilon)}`;
}

/** As papers write it, where that is what it is: two radii that differ have two texts. */
function exactRadius(value: number): string {
  const text = radius(value);
  const [numerator = Number.NaN, denominator = 1] = text.split('/').map(Number);
  return Math.abs(numerator / denominator - value) < 1e-9 ? text : String(value);
}

export function suiteText(attacks: readonly string[]): string {
  return list(attacks);
}

/** What is not the same, in the order of the table. */
export function differencesOf(a: RunOutcomes, b: RunOutcomes): RunComparison['differences'] {
  const named = Object.entries(GIVEN).flatMap(([what, of]) => {
    const [left, right] = [of(a.report), of(b.report)];
    return left === right ? [] : [{ what, a: left, b: right }];
  });
  return named.some(({ what }) => what === 'suite') ? named : [...named, ...differingOptions(a.suite, b.suite)];
}

/** Of the same attacks, where both plans are known; "apgd-ce: iterations 100". */
export function differingOptions(
  a: RunOutcomes['suite'] = [],
  b: RunOutcomes['suite'] = [],
): RunComparison['differences'] {
  const pairs = a.flatMap((left, place) => {
    const right = b[place];
    if (right === undefined) return [];
    const text = (side: typeof left, key: string) => `${side.name}: ${key} ${JSON.stringify(side[key]) ?? 'not there'}`;
    return [...new Set([...Object.keys(left), ...Object.keys(right)])]
      .filter((key) => JSON.stringify(left[key]) !== JSON.stringify(right[key]))
      .map((key) => ({ a: text(left, key), b: text(right, key) }));
  });
  const side = (of: 'a' | 'b') => pairs.map((pair) => pair[of]).join('; ');
  return pairs.length === 0 ? [] : [{ what: OPTIONS, a: side('a'), b: side('b') }];
}

const OPTIONS = 'options of attacks';

const CAUTIONS: Readonly<Record<string, (a: string, b: string) => string>> = {
  'threat model': (a, b) => `the threat models differ (${a}; ${b}): robust accuracies are of different questions`,
  suite: (a, b) => `the suites differ (${a}; ${b}): a stronger attack lowers robust accuracy too`,
  [OPTIONS]: (a, b) => `attacks ran with other options (${a}; ${b}): a stronger attack lowers robust accuracy too`,
};

/** Why a difference of robust accuracy need not be one of the model. */
export function cautionsOf(differences: RunComparison['differences']): string[] {
  return differences.flatMap(({ what, a, b }) => CAUTIONS[what]?.(a, b) ?? []);
}
