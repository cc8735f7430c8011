import { requireAboveChance } from '../../evaluation/chance.ts';
import { runKeys } from '../../schemas/keys.ts';
import { UNDEFENDED } from '../../schemas/variants.ts';
import { modelName } from '../inputs/open-classifier.ts';
import { openPlanned, plannedCheckpoint, plannedProbe, plannedTest } from '../inputs/planned-inputs.ts';
import { testifyModel } from '../inputs/testify-model.ts';
import type { JobContext } from './job-context.ts';

/**
 * Asks the BatchNorms of a run's model how it is read, once a run, before anything is computed with it; what they say is kept for the
 * report; and whether the model is any better than chance. Throws ModelError where they contradict it, or it is not, InputError where a file is not the one that was planned.
 */
export async function requireTestimony(context: JobContext): Promise<void> {
  const { plan, runs, runtime } = context;
  if (await runs.has(runKeys.testimony)) return;
  const images = plan.inputs.probe === null ? plannedTest(plan) : plannedProbe(plan);
  const inputs = [...plannedCheckpoint(plan), ...images];
  const testimony = await openPlanned(inputs, () => testifyModel(plan.config, runtime));
  const { config } = plan;
  if (config.allowChance !== true) {
    const { batchSize } = config.compute;
    const model = await context.model(UNDEFENDED.id);
    await requireAboveChance(modelName(config, UNDEFENDED.id), model, await context.test(), {
      seed: config.seed,
      batchSize,
    });
  }
  await runs.putNew(runKeys.testimony, `${JSON.stringify(testimony)}\n`);
}
