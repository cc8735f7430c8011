import { createHash } from 'node:crypto';
import { RankingError, RunError } from '../../errors.ts';
import { diagnose, requireSound } from '../../ranking/diagnostics.ts';
import { encodeRanking, type Ranking, type RankingRecipe, rankingDigest } from '../../ranking/ranking.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { rankingKey, runKeys } from '../../schemas/keys.ts';
import type { RankingMethod } from '../../schemas/variants.ts';
import type { Store } from '../../stores/store.ts';
import { readRanking } from '../inputs/ig-defense-format.ts';
import type { RunInputs } from '../inputs/inspect-inputs.ts';
import { classifierSpec } from '../inputs/open-classifier.ts';
import { requireRankingOf } from '../inputs/ranked-model.ts';
import { keptRemedy, storedRanking } from '../stored.ts';
import { maskRankedBy, type Plan, plannedRanking, recipeOf } from './plan.ts';

export interface ImportedRanking {
  /** SHA-256 of `file`. */
  readonly digest: string;
  /** As it goes into the store. */
  readonly file: string;
}

/**
 * The LO-IR ranking a config brings along, checked against the model it is to mask; undefined where it brings none.
 * Throws RankingError where it was made for another model or layer, or of the model read otherwise.
 */
export async function importRanking(config: RunConfig, inputs: RunInputs): Promise<ImportedRanking | undefined> {
  const path = config.ranking.file;
  if (path === undefined) return undefined;
  const { layer, classes, sha256, reading = [] } = inputs.checkpoint;
  const { recipe, scores } = await readRanking(path);
  requireLoir(recipe, path, config);
  if (layer === null) throw new RankingError(`${path}: a ranking is given, but no layer to mask`);
  if (scores.units !== layer.units || scores.classes !== classes) {
    throw new RankingError(
      `${path} ranks ${scores.units} units for ${scores.classes} classes; ${layer.name} has ${layer.units} units and the model ${classes} classes`,
    );
  }
  const spec = classifierSpec(config, inputs.imageShape);
  if (recipe !== undefined) await requireRankingOf({ spec, sha256, layer, reading }, recipe, path);
  const file = encodeRanking({ recipe: recipe ?? recipeOf('loir', config, inputs), scores });
  return { digest: createHash('sha256').update(file).digest('hex'), file };
}

/** Throws RankingError where a file that is to mask `loir` and `conf` variants was ranked otherwise than the config says. */
function requireLoir(recipe: RankingRecipe | undefined, path: string, { ranking }: RunConfig): void {
  if (recipe === undefined) return;
  const { method, signed } = recipe;
  if (method !== 'loir') {
    throw new RankingError(
      `${path} holds a ${method} ranking, and ranking.file is for variants loir and conf: leave it out, ${method} is ranked by a run itself`,
    );
  }
  if (ranking.signed && !signed)
    throw new RankingError(
      `${path} holds sizes of changes, and ranking.signed wants their mean: leave one of them out`,
    );
}

/** Where the ranking of a plan may be: in the store of rankings, and, once it has been used, in the run itself. */
interface RankingPlaces {
  readonly plan: Plan;
  readonly rankings: Store;
  readonly runs?: Store;
}

/**
 * The ranking of `method`: that of the run where it has its own, as one that was copied from another machine has, else that of the
 * store. Throws RankingError where it is degenerate, damaged or another one than its name says, RunError where it is not there.
 */
export async function loadRanking(places: RankingPlaces, method: RankingMethod): Promise<Ranking> {
  const { plan } = places;
  const ranking = (await rankingOfRun(places, method)) ?? (await keptRanking(places, method));
  const { importantUnits } = maskRankedBy(plan, method);
  requireSound(diagnose(ranking.scores, importantUnits), method, plan.config.ranking.allowDegenerate);
  return ranking;
}

/** The ranking that lies beside a run's results; undefined where it has none, or one of another plan. Throws RankingError where it is damaged. */
async function rankingOfRun({ plan, runs }: RankingPlaces, method: RankingMethod): Promise<Ranking | undefined> {
  const key = runKeys.ranking(method);
  const bytes = await runs?.get(key);
  if (bytes === undefined) return undefined;
  const ranking = storedRanking(bytes, key, 'delete it and run again');
  return isPlanned(plan, method, { bytes, ranking }) ? ranking : undefined;
}

async function keptRanking({ plan, rankings, runs }: RankingPlaces, method: RankingMethod): Promise<Ranking> {
  const { digest } = plannedRanking(plan, method);
  const bytes = await rankings.get(rankingKey(digest));
  if (bytes !== undefined) return decodeKept(plan, method, bytes);
  const inRun = runs === undefined ? '' : `, nor is there ${runKeys.ranking(method)} in the run`;
  throw new RunError(
    `the ${method} ranking ${digest} is not in the store of rankings${inRun}: run again, which ranks, or give the folder that has it (--rankings)`,
  );
}

/** What the store has under the name of the planned ranking. Throws RankingError where that is damaged or another one. */
export function decodeKept(plan: Plan, method: RankingMethod, bytes: Uint8Array): Ranking {
  const key = rankingKey(plannedRanking(plan, method).digest);
  const ranking = storedRanking(bytes, key, keptRemedy('rankings'));
  if (!isPlanned(plan, method, { bytes, ranking })) throw misplaced(ranking, key);
  return ranking;
}

/** Whether it is the one that the plan names: by what it was computed from, or, where it was brought along, by its bytes. */
function isPlanned(
  plan: Plan,
  method: RankingMethod,
  { bytes, ranking }: { readonly bytes: Uint8Array; readonly ranking: Ranking },
): boolean {
  const { digest, imported } = plannedRanking(plan, method);
  return digest === (imported ? createHash('sha256').update(bytes).digest('hex') : rankingDigest(ranking.recipe));
}

function misplaced({ recipe: { method, layer, checkpoint } }: Ranking, key: string): RankingError {
  return new RankingError(
    `${key} in the store holds another ranking than its name says (${method}, of layer ${layer} of checkpoint ${checkpoint.slice(0, 12)}...): ` +
      'it was replaced or damaged; delete it, and it is ranked again',
  );
}
