import { layerOf } from '../../models/classifier.ts';
import { RunError } from '../../errors.ts';
import { rankingKey } from '../../schemas/keys.ts';
import type { RankingMethod } from '../../schemas/variants.ts';
import { openDataset } from '../../datasets/open.ts';
import { loirScores } from '../../ranking/loir.ts';
import { randomScores } from '../../ranking/cost.ts';
import { encodeRanking, rankingDigest } from '../../ranking/ranking.ts';
import type { Scores } from '../../defense/mask-set.ts';
import { probeSpec } from '../../inputs/inspect-inputs.ts';
import type { JobProgress } from './executor.ts';
import { recipeOf } from '../planning/plan.ts';
import { rankByConcepts } from './rank-by-concepts.ts';
import type { JobContext } from './job-context.ts';

type Ranker = (context: JobContext, progress: (state: JobProgress) => void) => Promise<Scores>;

/** A new method is a file in src/ranking and a row here. */
const RANKERS: Readonly<Record<RankingMethod, Ranker>> = {
  loir: rankByAblation,
  cdir: rankByClip,
  random: rankByChance,
};

/** Computes a ranking and puts it in the store under its content address. */
export async function rankUnits(
  context: JobContext,
  method: RankingMethod,
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config, inputs } = context.plan;
  const recipe = recipeOf(method, config, inputs);
  const scores = await RANKERS[method](context, progress);
  await context.rankings.put(rankingKey(rankingDigest(recipe)), encodeRanking({ recipe, scores }));
}

async function rankByAblation(context: JobContext, progress: (state: JobProgress) => void): Promise<Scores> {
  const { config } = context.plan;
  const classifier = await context.classifier();
  const probe = probeSpec(config);
  if (probe === undefined) throw new RunError('the plan has no probe images to rank on');
  return loirScores(classifier, layerOf(classifier, config.layer ?? ''), await openDataset(probe), {
    signed: config.ranking.signed,
    batchSize: config.compute.batchSize,
    runtime: context.runtime,
    progress: (done, total) => progress({ fraction: done / total, evaluations: done }),
  });
}

async function rankByClip(context: JobContext, progress: (state: JobProgress) => void): Promise<Scores> {
  const { config, inputs } = context.plan;
  const classifier = await context.classifier();
  const probe = probeSpec(config);
  if (probe === undefined || inputs.probe === null) throw new RunError('the plan has no probe images to rank on');
  if (config.ranking.clip === undefined || inputs.clip === undefined) throw new RunError('the plan has no CLIP');
  return rankByConcepts({
    classifier,
    layer: layerOf(classifier, config.layer ?? ''),
    probe: await openDataset(probe),
    probeDigest: inputs.probe.sha256,
    config: config.ranking.clip,
    inputs: inputs.clip,
    store: context.rankings,
    batchSize: config.compute.batchSize,
    runtime: context.runtime,
    progress: (done, total) => progress({ fraction: done / total, evaluations: done }),
  });
}

async function rankByChance(context: JobContext): Promise<Scores> {
  const { config } = context.plan;
  const classifier = await context.classifier();
  const { name, units } = layerOf(classifier, config.layer ?? '');
  return randomScores(units, classifier.classes, name, config.seed);
}
