import { craftedOnce, createAttack } from '../../attacks/suites.ts';
import { runKeys } from '../../schemas/keys.ts';
import { imagesOf } from '../results.ts';
import { keepForOthers } from '../reuse/evaluation-store.ts';
import { attackShard } from './attack-shard.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { requireTestimony } from './testimony.ts';

/** Makes the examples on one variant that are tried on all of them, for the images of one shard. */
export async function craftShard(
  context: JobContext,
  job: { readonly variant: string; readonly shard: number },
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { variant, shard } = job;
  await requireTestimony(context);
  const specs = context.plan.suite.filter((spec) => craftedOnce(spec) === variant);
  const suite = specs.map((spec) => ({ attack: createAttack(spec), group: spec.group }));
  const state = runKeys.craftState(variant, shard);
  const images = await imagesOf(context, shard);
  const result = await attackShard(context, { variant, images, suite, state }, progress);
  // As an evaluation: what another process has done meanwhile stays whole.
  if (await context.runs.has(runKeys.crafted(variant, shard))) return result.done();
  await context.runs.put(runKeys.craftedExamples(variant, shard), result.examples);
  await context.runs.put(runKeys.crafted(variant, shard), result.record);
  await result.done();
  const { record, examples } = result;
  await keepForOthers(context, { kind: 'craft', variant, shard }, images.images.length, { record, examples });
}
