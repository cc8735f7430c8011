import { runKeys } from '../../schemas/keys.ts';
import { testifyModel } from '../inputs/testify-model.ts';
import type { JobContext } from './job-context.ts';

/**
 * Asks the BatchNorms of a run's model how it is read, once a run, before anything is computed with it; what they say is kept for the
 * report. Throws ModelError where they contradict it.
 */
export async function requireTestimony({ plan, runs, runtime }: JobContext): Promise<void> {
  if (await runs.has(runKeys.testimony)) return;
  const testimony = await testifyModel(plan.config, runtime);
  await runs.putNew(runKeys.testimony, `${JSON.stringify(testimony)}\n`);
}
