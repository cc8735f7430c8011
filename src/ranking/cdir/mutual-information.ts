import { type Features, topImages } from './features.ts';

export interface MutualInformationOptions {
  /** Images that activate a unit most. */
  readonly topK: number;
  /** a of P = softmax(a cos(image, concept)) over concepts. */
  readonly scale: number;
  readonly lambda: number;
  readonly minProbability: number;
  /** Probability that the k-th of the images shows what the unit is for, falling evenly from pStart towards pEnd. */
  readonly pStart: number;
  readonly pEnd: number;
}

/**
 * Soft weighted pointwise mutual information, [units, concepts]:
 * score = sum_k log(1 + p_k (P_k - 1) + minProbability) - lambda (logsumexp over units of that sum - log D)
 * (CLIP-Dissect, section 3 and appendix A.1; https://github.com/Trustworthy-ML-Lab/CLIP-dissect, similarity.py, soft_wpmi).
 * With p_k = 1 it is `wpmi` of the same file.
 */
export function mutualInformation(features: Features, options: MutualInformationOptions): Float64Array {
  const { units, concepts } = features;
  const { topK, lambda, minProbability, pStart, pEnd } = options;
  const scores = new Float64Array(units * concepts);
  for (let unit = 0; unit < units; unit++) {
    for (const [k, image] of topImages(features, unit, topK).entries()) {
      const p = pStart - (k / topK) * (pStart - pEnd);
      const probabilities = conceptProbabilities(features, image, options.scale);
      for (let c = 0; c < concepts; c++)
        scores[unit * concepts + c]! += Math.log(1 + p * (probabilities[c]! - 1) + minProbability);
    }
  }
  subtractCommonness(scores, units, concepts, lambda);
  return scores;
}

/** softmax(a cos(image, concept)) over concepts. */
function conceptProbabilities({ cosines, concepts }: Features, image: number, scale: number): Float64Array {
  const logits = Float64Array.from(cosines.subarray(image * concepts, (image + 1) * concepts), (x) => scale * x);
  const highest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Takes lambda log mean_d exp(score[d, c]) off every score of concept c: what fits all units says nothing of one. */
function subtractCommonness(scores: Float64Array, units: number, concepts: number, lambda: number): void {
  for (let c = 0; c < concepts; c++) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let unit = 0; unit < units; unit++) highest = Math.max(highest, scores[unit * concepts + c]!);
    let sum = 0;
    for (let unit = 0; unit < units; unit++) sum += Math.exp(scores[unit * concepts + c]! - highest);
    const commonness = highest + Math.log(sum) - Math.log(units);
    for (let unit = 0; unit < units; unit++) scores[unit * concepts + c]! -= lambda * commonness;
  }
}
