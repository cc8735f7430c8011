import { openDataset } from '../../datasets/open.ts';
import { layerOf } from '../../models/classifier.ts';
import { unitScores } from '../../ranking/methods.ts';
import { encodeRanking, rankingDigest } from '../../ranking/ranking.ts';
import { rankingKey } from '../../schemas/keys.ts';
import { type RankingMethod, rankingUses } from '../../schemas/variants.ts';
import { probeSpec } from '../inputs/inspect-inputs.ts';
import { plannedCheckpoint, plannedClip, plannedProbe, requirePlanned } from '../inputs/planned-inputs.ts';
import { maskRankedBy, recipeOf } from '../planning/plan.ts';
import { clipFeatures } from './clip-features.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { requireTestimony } from './testimony.ts';

/** Computes a ranking of a plan and puts it in the store under its content address. */
export async function rankJob(
  context: JobContext,
  method: RankingMethod,
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { plan, rankings, runtime } = context;
  const { config, inputs } = plan;
  // Before anything is found out of them: what is stored under the address of these inputs has to be of them.
  const planned = [plannedCheckpoint, plannedProbe, plannedClip].flatMap((inputsOf) => inputsOf(plan));
  await requirePlanned(planned);
  await requireTestimony(context);
  const classifier = await context.classifier();
  await context.proveBase();
  const scores = await unitScores(method, {
    classifier,
    layer: layerOf(classifier, maskRankedBy(plan, method).layer),
    ...(await imagesFor(context, method, () => requirePlanned(planned))),
    signed: config.ranking.signed,
    seed: config.seed,
    batchSize: config.compute.batchSize,
    runtime,
    progress: (done, total) => progress({ fraction: done / total, evaluations: done }),
  });
  await requirePlanned(planned);
  const recipe = recipeOf(method, config, inputs);
  // Of two runs that rank at once the first counts: who masks by it already is not to be given another processor's rounding.
  await rankings.putNew(rankingKey(rankingDigest(recipe)), encodeRanking({ recipe, scores }));
}

/** The probe set, and CLIP's view of it, where the method looks at them. */
async function imagesFor({ plan, rankings, runtime }: JobContext, method: RankingMethod, confirm: () => Promise<void>) {
  const spec = probeSpec(plan.config);
  const { probe: facts, clip: inputs } = plan.inputs;
  const { clip: config } = plan.config.ranking;
  if (!rankingUses(method, 'probe') || spec === undefined || facts === null)
    return { probe: undefined, clip: undefined };
  const probe = await openDataset(spec);
  if (config === undefined || inputs === undefined) return { probe, clip: undefined };
  const task = { config, inputs, probe, probeDigest: facts.sha256, store: rankings, runtime, confirm };
  return { probe, clip: (progress: (done: number) => void) => clipFeatures(task, progress) };
}
