import { createHash } from 'node:crypto';
import { RankingError, RunError } from '../../errors.ts';
import { diagnose, requireSound } from '../../ranking/diagnostics.ts';
import { encodeRanking, type Ranking, type RankingRecipe, rankingDigest } from '../../ranking/ranking.ts';
import type { RunConfig } from '../../schemas/config.ts';
import { rankingKey } from '../../schemas/keys.ts';
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

/**
 * The ranking of `method` from the store. Throws RankingError where it is degenerate, damaged or another one than its name says,
 * RunError where it is not there.
 */
export async function loadRanking(
  { plan, rankings }: { readonly plan: Plan; readonly rankings: Store },
  method: RankingMethod,
): Promise<Ranking> {
  const { digest, imported } = plannedRanking(plan, method);
  const bytes = await rankings.get(rankingKey(digest));
  if (bytes === undefined)
    throw new RunError(`the ${method} ranking ${digest} is not in the store: rank before evaluating`);
  const ranking = storedRanking(bytes, rankingKey(digest), keptRemedy('rankings'));
  const found = imported ? createHash('sha256').update(bytes).digest('hex') : rankingDigest(ranking.recipe);
  if (found !== digest) throw misplaced(ranking, rankingKey(digest));
  const { importantUnits } = maskRankedBy(plan, method);
  requireSound(diagnose(ranking.scores, importantUnits), method, plan.config.ranking.allowDegenerate);
  return ranking;
}

function misplaced({ recipe: { method, layer, checkpoint } }: Ranking, key: string): RankingError {
  return new RankingError(
    `${key} in the store holds another ranking than its name says (${method}, of layer ${layer} of checkpoint ${checkpoint.slice(0, 12)}...): ` +
      'it was replaced or damaged; delete it, and it is ranked again',
  );
}
