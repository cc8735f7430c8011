import { RankingError } from '../errors.ts';
import { float32, type TypedTensor } from '../numeric/tensor.ts';

/** Importance of every unit for every class: [units, classes] row-major, higher is more important. */
export interface Scores {
  readonly units: number;
  readonly classes: number;
  readonly data: Float32Array;
}

/** The `keep` most important units of a class, most important first; ties go to the lower unit, and NaN comes last. */
export function topUnits({ units, classes, data }: Scores, c: number, keep: number): number[] {
  const score = (unit: number) => data[unit * classes + c]!;
  const isNumber = (unit: number) => Number(!Number.isNaN(score(unit)));
  return Array.from({ length: units }, (_, unit) => unit)
    .sort((a, b) => isNumber(b) - isNumber(a) || score(b) - score(a) || a - b)
    .slice(0, keep);
}

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
