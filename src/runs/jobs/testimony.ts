import { runKeys } from '../../schemas/keys.ts';
import { openPlanned, plannedCheckpoint, plannedProbe, plannedTest } from '../inputs/planned-inputs.ts';
import { testifyModel } from '../inputs/testify-model.ts';
import type { JobContext } from './job-context.ts';

/**
 * Asks the BatchNorms of a run's model how it is read, once a run, before anything is computed with it; what they say is kept for the
 * report. Throws ModelError where they contradict it, InputError where a file is not the one that was planned.
 */
export async function requireTestimony({ plan, runs, runtime }: JobContext): Promise<void> {
  if (await runs.has(runKeys.testimony)) return;
  const images = plan.inputs.probe === null ? plannedTest(plan) : plannedProbe(plan);
  const inputs = [...plannedCheckpoint(plan), ...images];
  const testimony = await openPlanned(inputs, () => testifyModel(plan.config, runtime));
  await runs.putNew(runKeys.testimony, `${JSON.stringify(testimony)}\n`);
}
