import type { StateDict } from '../checkpoints/weights.ts';
import type { Tensor } from '../numeric/tensor.ts';

/**
 * Whether `scores` (edge-popup, arXiv:1911.13299) have been applied to the weights beside them: those with the smallest scores
 * are zero, and no others. Where they have not, a forward pass would still prune, and they are part of the function.
 */
export function arePrunedBy(name: string, scores: Tensor, all: StateDict): boolean {
  const weights = all.get(name.replace(/scores$/, 'weight'));
  if (weights?.type !== 'float32' || scores.type !== 'float32' || weights.data.length !== scores.data.length)
    return false;
  return [Math.abs, (score: number) => score].some((size) => separates(weights.data, scores.data, size));
}

/** Zeros have scores below those of all other weights, and there are both. */
function separates(weights: Float32Array, scores: Float32Array, size: (score: number) => number): boolean {
  let [highestOfZeros, lowestOfOthers] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < weights.length; i++) {
    const score = size(scores[i]!);
    if (weights[i] === 0) highestOfZeros = Math.max(highestOfZeros, score);
    else lowestOfOthers = Math.min(lowestOfOthers, score);
  }
  return highestOfZeros > Number.NEGATIVE_INFINITY && highestOfZeros < lowestOfOthers;
}
