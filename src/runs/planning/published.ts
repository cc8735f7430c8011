import { resolveSuite, type SuiteAttack } from '../../attacks/suites.ts';
import { ConfigError } from '../../errors.ts';
import { Z_95 } from '../../numeric/statistics.ts';
import { count } from '../../report/format.ts';
import type { RunFacts } from '../../report/summary/outcomes.ts';
import { ATTACK_OUTCOMES, type PublishedShifts, type ShiftTable, UNIT_GROUPS } from '../../schemas/analysis.ts';
import type { RunConfig } from '../../schemas/config.ts';
import type { Published } from '../../schemas/published.ts';

/** Throws ConfigError where a published number is of an attack that the suite has not, before hours of those it has. */
export function checkPublished(published: Published | undefined, suite: readonly SuiteAttack[]): void {
  if (published === undefined) return;
  const known = new Set(suite.flatMap(({ name, group }) => [name, group]));
  for (const [variant, { attacks = {} }] of Object.entries(published.variants)) {
    const unknown = Object.keys(attacks).find((name) => !known.has(name));
    if (unknown !== undefined)
      throw new ConfigError(
        `published.variants.${variant}.attacks has "${unknown}", which is no attack or group of the suite: ${[...known].join(', ')}`,
      );
  }
}

/** What others published of the run and how it differs from `images` images of this config; nothing where none is given. */
export function publishedFacts(plan: PlannedSuite, images: number): Pick<RunFacts, 'published'> {
  const { published } = plan.config;
  return published === undefined
    ? {}
    : { published: { ...published, differences: differences(plan, published, images) } };
}

/** Published shifts beside those of an analysis; null where the config brings none. */
export function publishedShifts(config: RunConfig, shift: ShiftTable, images: number): PublishedShifts | null {
  const { published } = config;
  if (published?.shift === undefined) return null;
  const theirs = published.shift;
  const rows = ATTACK_OUTCOMES.flatMap((outcome) =>
    UNIT_GROUPS.flatMap((group) => {
      const value = theirs[outcome]?.[group];
      return value === undefined ? [] : [shiftRow(outcome, group, value / 100, shift)];
    }),
  );
  const counts = published.images === undefined ? [] : imagesDifference(published.images, images);
  return { source: published.source, notes: [...counts, ...(published.note ? [published.note] : [])], rows };
}

function shiftRow(
  outcome: (typeof ATTACK_OUTCOMES)[number],
  group: (typeof UNIT_GROUPS)[number],
  published: number,
  shift: ShiftTable,
): PublishedShifts['rows'][number] {
  const { shift: ours = null, standardError = null } = shift[outcome].groups[group] ?? {};
  if (ours === null || standardError === null) return { outcome, group, published, ours, interval: null, within: null };
  const half = Z_95 * standardError;
  return {
    ...{ outcome, group, published, ours },
    interval: [ours - half, ours + half],
    within: Math.abs(ours - published) <= half,
  };
}

function imagesDifference(theirs: number, ours: number): string[] {
  return theirs === ours ? [] : [`Published on ${count(theirs)} images, ours on ${count(ours)}.`];
}

type PlannedSuite = { readonly config: RunConfig; readonly suite: readonly SuiteAttack[] };

function differences(plan: PlannedSuite, { images: counts, suite }: Published, images: number): string[] {
  return [
    ...(counts === undefined ? [] : imagesDifference(counts, images)),
    ...(suite === undefined || sameAttacks(plan.suite, resolveSuite({ ...plan.config, suite }))
      ? []
      : [`Published under ${suite} with its own budgets, ours under other attacks or budgets.`]),
  ];
}

/** Names apart: attacks of a list may be called anything. */
function sameAttacks(...suites: readonly (readonly SuiteAttack[])[]): boolean {
  const [ours, theirs] = suites.map((attacks) =>
    JSON.stringify(attacks.map(({ name: _name, group: _group, ...spec }) => spec)),
  );
  return ours === theirs;
}
