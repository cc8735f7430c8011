import { isDeepStrictEqual } from 'node:util';
import { resolveSuite } from '../attacks/suites.ts';
import type { RunConfig } from '../schemas/config.ts';
import { runKeys } from '../schemas/keys.ts';
import type { Report } from '../schemas/report.ts';
import { type AutoAttackVersion, robustBenchEntry, robustBenchJson, unknownFields } from '../report/robustbench.ts';
import type { Store } from '../stores/store.ts';

const VERSIONS: readonly AutoAttackVersion[] = ['standard', 'plus'];

/** AutoAttack's black-box part, which no version but `rand` is without. */
const BLACK_BOX = 'square';

/** Which of AutoAttack's versions a config's suite is, by what its attacks do, whatever they are called; null for none. */
export function autoAttackVersion(config: Pick<RunConfig, 'suite' | 'threat' | 'protocol'>): AutoAttackVersion | null {
  const own = attacksOf(config);
  const names: readonly string[] = own.map(({ attack }) => attack);
  if (!names.includes(BLACK_BOX)) return null;
  return VERSIONS.find((suite) => isDeepStrictEqual(attacksOf({ ...config, suite }), own)) ?? null;
}

function attacksOf(config: Pick<RunConfig, 'suite' | 'threat' | 'protocol'>) {
  return resolveSuite(config).map(({ name: _name, group: _group, ...spec }) => spec);
}

export interface WrittenEntry {
  readonly variant: string;
  readonly key: string;
  /** Fields that whoever submits the model has to fill in. */
  readonly unknown: readonly string[];
}

/** Writes RobustBench entries beside a report, of one variant or of all. */
export async function writeRobustBench(
  report: Report,
  config: RunConfig,
  runs: Store,
  id?: string,
): Promise<WrittenEntry[]> {
  const chosen = report.variants.filter((variant) => id === undefined || variant.id === id);
  const version = autoAttackVersion(config);
  const written: WrittenEntry[] = [];
  for (const variant of chosen) {
    const entry = robustBenchEntry(report, variant, version);
    const key = runKeys.report(`robustbench.${variant.id}.json`);
    await runs.put(key, robustBenchJson(entry));
    written.push({ variant: variant.id, key, unknown: unknownFields(entry) });
  }
  return written;
}
