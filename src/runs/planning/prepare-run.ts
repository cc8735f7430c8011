import type { RunConfig } from '../../schemas/config.ts';
import { type LocalConfig, localise } from '../../stores/open.ts';
import { inspectInputs } from '../inputs/inspect-inputs.ts';
import { requireAuditAttacks } from './audit.ts';
import { type Plan, planRun } from './plan.ts';
import { type ImportedRanking, importRanking } from './rankings.ts';

/** A run as it can be started, after its inputs were opened and found to fit; nothing is written yet. */
export interface PreparedRun {
  readonly plan: Plan;
  /** The config with paths that can be opened. */
  readonly local: RunConfig;
  /** The ranking that the config brings along, to be put in the store. */
  readonly imported: ImportedRanking | undefined;
}

/**
 * Opens what a config names and plans its run. `source` is the config as its user wrote it; `open` brings inputs to this
 * machine. Throws InputError where an input is missing or does not fit.
 */
export async function prepareRun(
  config: RunConfig,
  source: Plan['source'],
  open: (config: RunConfig) => Promise<LocalConfig> = (named) => localise({ config: named }),
): Promise<PreparedRun> {
  const { config: local, versions } = await open(config);
  const inputs = await inspectInputs(local);
  const imported = await importRanking(local, inputs);
  const planned = planRun(config, source, inputs, imported?.digest);
  const plan = Object.keys(versions).length === 0 ? planned : { ...planned, versions };
  await requireAuditAttacks(plan, inputs);
  return { plan, local, imported };
}
