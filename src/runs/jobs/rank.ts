import { openDataset } from '../../datasets/open.ts';
import type { Scores } from '../../defense/mask-set.ts';
import { RunError } from '../../errors.ts';
import { probeSpec } from '../../inputs/inspect-inputs.ts';
import { layerOf } from '../../models/classifier.ts';
import { randomScores } from '../../ranking/cost.ts';
import { loirScores } from '../../ranking/loir.ts';
import { encodeRanking, rankingDigest } from '../../ranking/ranking.ts';
import { rankingKey } from '../../schemas/keys.ts';
import type { RankingMethod } from '../../schemas/variants.ts';
import { maskRankedBy, recipeOf } from '../planning/plan.ts';
import type { JobProgress } from './executor.ts';
import type { JobContext } from './job-context.ts';
import { type ConceptRanking, rankByConcepts } from './rank-by-concepts.ts';

/** What a ranking is made from, whoever asks for it; CLIP for `cdir` alone. */
export interface RankingTask extends Omit<ConceptRanking, 'config' | 'inputs'> {
  readonly clip: Pick<ConceptRanking, 'config' | 'inputs'> | undefined;
  readonly signed: boolean;
  readonly seed: number;
}

/** A new method is a file in src/ranking and a row here. */
const RANKERS: Readonly<Record<RankingMethod, (task: RankingTask) => Promise<Scores>>> = {
  loir: ({ classifier, layer, probe, ...options }) => loirScores(classifier, layer, probe, options),
  cdir: async ({ clip, ...task }) => {
    if (clip === undefined) throw new RunError('units are to be ranked by CLIP, but there is none');
    return rankByConcepts({ ...task, ...clip });
  },
  random: async ({ classifier, layer, seed }) => randomScores(layer.units, classifier.classes, layer.name, seed),
};

/** The scores of a layer's units by a method. */
export function rankUnits(method: RankingMethod, task: RankingTask): Promise<Scores> {
  return RANKERS[method](task);
}

/** Computes a ranking of a plan and puts it in the store under its content address. */
export async function rankJob(
  context: JobContext,
  method: RankingMethod,
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config, inputs } = context.plan;
  const { clip } = config.ranking;
  const classifier = await context.classifier();
  const probe = probeSpec(config);
  if (probe === undefined && method !== 'random') throw new RunError('the plan has no probe images to rank on');
  const scores = await rankUnits(method, {
    classifier,
    layer: layerOf(classifier, maskRankedBy(context.plan, method).layer),
    // Chance looks at no image: those of the test set stand in where there are no others.
    probe: probe === undefined ? await context.test() : await openDataset(probe),
    probeDigest: (inputs.probe ?? inputs.test).sha256,
    clip: clip === undefined || inputs.clip === undefined ? undefined : { config: clip, inputs: inputs.clip },
    signed: config.ranking.signed,
    seed: config.seed,
    store: context.rankings,
    batchSize: config.compute.batchSize,
    runtime: context.runtime,
    progress: (done, total) => progress({ fraction: done / total, evaluations: done }),
  });
  const recipe = recipeOf(method, config, inputs);
  await context.rankings.put(rankingKey(rankingDigest(recipe)), encodeRanking({ recipe, scores }));
}
