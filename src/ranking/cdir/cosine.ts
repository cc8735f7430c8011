import type { Features } from './features.ts';

/**
 * Cosine of a unit's activations and a concept's cosines, both as vectors over the images: [units, concepts]
 * (https://github.com/Trustworthy-ML-Lab/CLIP-dissect, similarity.py, cos_similarity). Of a unit that never is active the
 * original makes NaN; here it is like nothing, 0.
 */
export function cosineSimilarity(features: Features): Float64Array {
  return normalisedProducts(features, (value) => value, { centred: false, minNorm: Number.MIN_VALUE });
}

/** The same of vectors whose mean was taken off and whose elements were cubed: strong activations count for most. */
export function cubedCosineSimilarity(features: Features, { minNorm }: { readonly minNorm: number }): Float64Array {
  return normalisedProducts(features, (value) => value ** 3, { centred: true, minNorm });
}

interface VectorOptions {
  readonly centred: boolean;
  readonly minNorm: number;
}

function normalisedProducts(features: Features, shaped: (value: number) => number, options: VectorOptions) {
  const { images, units, concepts, activations, cosines } = features;
  const ours = columnsOf(activations, units, shaped, options);
  const theirs = columnsOf(cosines, concepts, shaped, options);
  const products = new Float64Array(units * concepts);
  for (let image = 0; image < images; image++) {
    const row = Float64Array.from({ length: concepts }, (_, c) => theirs.valueAt(image, c));
    for (let unit = 0; unit < units; unit++) {
      const value = ours.valueAt(image, unit);
      if (value !== 0) for (let c = 0; c < concepts; c++) products[unit * concepts + c]! += value * row[c]!;
    }
  }
  return products.map((sum, i) => sum / (ours.norms[Math.floor(i / concepts)]! * theirs.norms[i % concepts]!));
}

/** The columns of [images, width] as vectors: their values, worked out when asked for, and their lengths. */
function columnsOf(values: Float32Array, width: number, shaped: (value: number) => number, options: VectorOptions) {
  const means = new Float64Array(width);
  if (options.centred) {
    for (const [i, value] of values.entries()) means[i % width]! += value;
    for (let column = 0; column < width; column++) means[column]! /= values.length / width;
  }
  const valueAt = (row: number, column: number) => shaped(values[row * width + column]! - means[column]!);
  const squares = new Float64Array(width);
  for (let row = 0; row < values.length / width; row++)
    for (let column = 0; column < width; column++) squares[column]! += valueAt(row, column) ** 2;
  return { valueAt, norms: squares.map((sum) => Math.max(Math.sqrt(sum), options.minNorm)) };
}
