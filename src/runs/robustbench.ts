import { isDeepStrictEqual } from 'node:util';
import { resolveSuite, type SuiteAttack } from '../attacks/suites.ts';
import { InputError } from '../errors.ts';
import { type AutoAttackVersion, robustBenchEntry, robustBenchJson, unknownFields } from '../report/robustbench.ts';
import { corruptionText } from '../schemas/corruption.ts';
import { runKeys } from '../schemas/keys.ts';
import type { Report } from '../schemas/report.ts';
import type { Store } from '../stores/store.ts';
import type { Plan } from './planning/plan.ts';

const VERSIONS: readonly AutoAttackVersion[] = ['standard', 'plus'];

/** AutoAttack's black-box part, which no version but `rand` is without. */
const BLACK_BOX = 'square';

/** Which of AutoAttack's versions a config's suite is, by what its attacks do, whatever they are called; null for none. */
export function autoAttackVersion({
  config,
  suite: planned,
}: {
  readonly config: Pick<Plan['config'], 'threat' | 'protocol'>;
  readonly suite: readonly SuiteAttack[];
}): AutoAttackVersion | null {
  const own = withoutNames(planned);
  const names: readonly string[] = own.map(({ attack }) => attack);
  if (!names.includes(BLACK_BOX)) return null;
  return VERSIONS.find((suite) => isDeepStrictEqual(withoutNames(resolveSuite({ ...config, suite })), own)) ?? null;
}

function withoutNames(suite: readonly SuiteAttack[]) {
  return suite.map(({ name: _name, group: _group, ...spec }) => spec);
}

export interface WrittenEntry {
  readonly variant: string;
  readonly key: string;
  /** Fields that whoever submits the model has to fill in. */
  readonly unknown: readonly string[];
}

/** Writes RobustBench entries beside a report, of one variant or of all. Throws InputError for a run on corrupted images. */
export async function writeRobustBench(report: Report, plan: Plan, runs: Store, id?: string): Promise<WrittenEntry[]> {
  const { corruption } = report.dataset;
  if (corruption !== undefined)
    throw new InputError(
      `run ${report.run.name} is on images of ${corruptionText(corruption)}: the clean_acc of an entry is of clean images, give a run on those`,
    );
  const chosen = report.variants.filter((variant) => id === undefined || variant.id === id);
  const version = autoAttackVersion(plan);
  const written: WrittenEntry[] = [];
  for (const variant of chosen) {
    const entry = robustBenchEntry(report, variant, version);
    const key = runKeys.report(`robustbench.${variant.id}.json`);
    await runs.put(key, robustBenchJson(entry));
    written.push({ variant: variant.id, key, unknown: unknownFields(entry) });
  }
  return written;
}
