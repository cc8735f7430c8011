import { layerOf } from '../architectures/open.ts';
import { RunError } from '../contracts/errors.ts';
import { rankingKey } from '../contracts/keys.ts';
import type { RankingMethod } from '../contracts/variants.ts';
import { openDataset } from '../datasets/open.ts';
import { loirScores } from '../ranking/loir.ts';
import { randomScores } from '../ranking/random.ts';
import { encodeRanking, rankingDigest } from '../ranking/ranking.ts';
import type { Scores } from '../ranking/scores.ts';
import { probeSpec } from './inputs.ts';
import type { JobProgress } from './job-progress.ts';
import { recipeOf } from './plan.ts';
import { rankByConcepts } from './rank-by-concepts.ts';
import type { Workbench } from './workbench.ts';

type Ranker = (bench: Workbench, progress: (state: JobProgress) => void) => Promise<Scores>;

/** A new method is a file in src/ranking and a row here. */
const RANKERS: Readonly<Record<RankingMethod, Ranker>> = {
  loir: rankByAblation,
  cdir: rankByClip,
  random: rankByChance,
};

/** Computes a ranking and puts it in the store under its content address. */
export async function rankUnits(
  bench: Workbench,
  method: RankingMethod,
  progress: (state: JobProgress) => void,
): Promise<void> {
  const { config, inputs } = bench.plan;
  const recipe = recipeOf(method, config, inputs);
  const scores = await RANKERS[method](bench, progress);
  await bench.rankings.put(rankingKey(rankingDigest(recipe)), encodeRanking({ recipe, scores }));
}

async function rankByAblation(bench: Workbench, progress: (state: JobProgress) => void): Promise<Scores> {
  const { config } = bench.plan;
  const classifier = await bench.classifier();
  const probe = probeSpec(config);
  if (probe === undefined) throw new RunError('the plan has no probe images to rank on');
  return loirScores(classifier, layerOf(classifier, config.layer ?? ''), await openDataset(probe), {
    signed: config.ranking.signed,
    batchSize: config.compute.batchSize,
    session: bench.session,
    progress: (done, total) => progress({ fraction: done / total, evaluations: done }),
  });
}

async function rankByClip(bench: Workbench, progress: (state: JobProgress) => void): Promise<Scores> {
  const { config, inputs } = bench.plan;
  const classifier = await bench.classifier();
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
    store: bench.rankings,
    batchSize: config.compute.batchSize,
    session: bench.session,
    progress: (done, total) => progress({ fraction: done / total, evaluations: done }),
  });
}

async function rankByChance(bench: Workbench): Promise<Scores> {
  const { config } = bench.plan;
  const classifier = await bench.classifier();
  const { name, units } = layerOf(classifier, config.layer ?? '');
  return randomScores(units, classifier.classes, name, config.seed);
}
