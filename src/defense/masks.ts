import { RankingError } from '../contracts/errors.ts';
import { type Scores, topUnits } from '../ranking/scores.ts';
import { float32, type TypedTensor } from '../tensor/tensor.ts';

/**
 * The mask set masks[C, D]: 1 for the `keep` most important units of each class, 0 elsewhere.
 * Throws RankingError where the layer has fewer units than are to be kept.
 */
export function topUnitMasks(scores: Scores, keep: number): TypedTensor<'float32'> {
  const { units, classes } = scores;
  if (keep > units) {
    throw new RankingError(`importantUnits is ${keep}, but the layer has only ${units} units: choose at most ${units}`);
  }
  const masks = float32([classes, units]);
  for (let c = 0; c < classes; c++) {
    for (const unit of topUnits(scores, c, keep)) masks.data[c * units + unit] = 1;
  }
  return masks;
}

/** The no-mask control: every class keeps every unit. */
export function fullMasks(classes: number, units: number): TypedTensor<'float32'> {
  return float32([classes, units], new Float32Array(classes * units).fill(1));
}
