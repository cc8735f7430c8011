import type { Scores } from '../defense/mask-set.ts';
import type { Classifier, MaskLayer } from '../models/classifier.ts';
import { keyedStream } from '../numeric/random.ts';
import { sideInputs } from '../onnx/splice.ts';
import type { RankingMethod } from '../schemas/variants.ts';
import { hasLinearTail } from './linear-tail.ts';

/** What ranking a layer's units costs, for each probe image. */
export interface RankingCost {
  /** Passes over the trunk; with a linear tail that is all there is to do. */
  readonly trunks: number;
  /** Runs of the tail alone, at most: units that are zero on an image are not left out. */
  readonly tails: number;
}

/** A new method is a row here too. */
const COSTS: Readonly<Record<RankingMethod, (classifier: Classifier, layer: MaskLayer) => RankingCost>> = {
  loir: (classifier, layer) => ({ trunks: 1, tails: isOnePass(classifier, layer) ? 0 : layer.units + 1 }),
  /** And CLIP's passes, which are its own and kept for the next ranking. */
  cdir: () => ({ trunks: 1, tails: 0 }),
  random: () => ({ trunks: 0, tails: 0 }),
};

export function rankingCost(method: RankingMethod, classifier: Classifier, layer: MaskLayer): RankingCost {
  return COSTS[method](classifier, layer);
}

/** As `loirScores` decides it. */
function isOnePass(classifier: Classifier, layer: MaskLayer): boolean {
  const { model, logits } = classifier;
  return sideInputs(model.graph, layer.tensor, logits).length === 0 && hasLinearTail(classifier, layer);
}

/** The control: importance by chance, each class with an order of its own, the same for the same seed and layer. */
export function randomScores(units: number, classes: number, layer: string, seed: number): Scores {
  const stream = keyedStream([seed, 'random-ranking', layer]);
  return { units, classes, data: Float32Array.from({ length: units * classes }, () => stream.uniform()) };
}
