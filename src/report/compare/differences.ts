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
    smoothing === null ? 'none' : `${count(smoothing.samples)} of σ = ${radius(smoothing.sigma)}`,
  'adversarial examples': ({ run }) => `${run.examples} misclassified iterate`,
  layer: ({ ranking }) => ranking.layer ?? 'none',
  'important units': ({ ranking }) => String(ranking.importantUnits ?? 'none'),
  rankings: ({ ranking }) =>
    list(ranking.methods.map(({ method, digest }) => `${method} ${digest?.slice(0, 12) ?? 'imported'}`)) || 'none',
  'version of igd': ({ run }) => run.igdVersion,
};

export function threatText({ norm, epsilon }: Report['run']['threat']): string {
  return `${norm}, ε = ${radius(epsilon)}`;
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
  const known = named.some(({ what }) => what === 'suite') || !optionsDiffer(a, b);
  return known ? named : [...named, { what: 'options of attacks', a: 'see its plan.json', b: 'see its plan.json' }];
}

/** Where both plans are known. */
function optionsDiffer(a: RunOutcomes, b: RunOutcomes): boolean {
  return a.suite !== undefined && b.suite !== undefined && JSON.stringify(a.suite) !== JSON.stringify(b.suite);
}

const CAUTIONS: Readonly<Record<string, (a: string, b: string) => string>> = {
  'threat model': (a, b) => `the threat models differ (${a}; ${b}): robust accuracies are of different questions`,
  suite: (a, b) => `the suites differ (${a}; ${b}): a stronger attack lowers robust accuracy too`,
  'options of attacks': () => 'the same attacks ran with other options: a stronger attack lowers robust accuracy too',
};

/** Why a difference of robust accuracy need not be one of the model. */
export function cautionsOf(differences: RunComparison['differences']): string[] {
  return differences.flatMap(({ what, a, b }) => CAUTIONS[what]?.(a, b) ?? []);
}
