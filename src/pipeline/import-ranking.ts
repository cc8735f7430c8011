import { createHash } from 'node:crypto';
import type { RunConfig } from '../contracts/config.ts';
import { RankingError } from '../contracts/errors.ts';
import { encodeRanking } from '../ranking/ranking.ts';
import { readRanking } from '../ranking/read.ts';
import type { RunInputs } from './inputs.ts';
import { recipeOf } from './plan.ts';

export interface ImportedRanking {
  /** SHA-256 of `file`. */
  readonly digest: string;
  /** As it goes into the store. */
  readonly file: string;
}

/**
 * The LO-IR ranking a config brings along, checked against the model it is to mask; undefined where it brings none.
 * Throws RankingError where it was made for another model or layer.
 */
export async function importRanking(config: RunConfig, inputs: RunInputs): Promise<ImportedRanking | undefined> {
  const path = config.ranking.file;
  if (path === undefined) return undefined;
  const { layer, classes, sha256 } = inputs.checkpoint;
  const { recipe, scores } = await readRanking(path);
  if (layer === null) throw new RankingError(`${path}: a ranking is given, but no layer to mask`);
  if (scores.units !== layer.units || scores.classes !== classes) {
    throw new RankingError(
      `${path} ranks ${scores.units} units for ${scores.classes} classes; ${layer.name} has ${layer.units} units and the model ${classes} classes`,
    );
  }
  if (recipe !== undefined && (recipe.checkpoint !== sha256 || recipe.layer !== layer.name)) {
    throw new RankingError(
      `${path} was made for layer ${recipe.layer} of checkpoint ${recipe.checkpoint.slice(0, 12)}..., ` +
        `this run masks ${layer.name} of ${sha256.slice(0, 12)}...: rank this checkpoint, or leave "file" out`,
    );
  }
  const file = encodeRanking({ recipe: recipe ?? recipeOf('loir', config, inputs), scores });
  return { digest: createHash('sha256').update(file).digest('hex'), file };
}
