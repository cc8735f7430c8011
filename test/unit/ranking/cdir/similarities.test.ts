import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RankingError } from '../../../../src/errors.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';
import {
  type Features,
  meanCubedDifference,
  similarity,
  topImages,
} from '../../../../src/ranking/cdir/similarities.ts';
import { SIMILARITY_NAMES, similaritySchema } from '../../../../src/schemas/similarities.ts';
import { direct, mean, range } from './direct.ts';

/** Random features: activations behind a ReLU, cosines as CLIP has them; `dead` units are never active. */
function randomFeatures(images: number, units: number, concepts: number, seed: number, dead = 0): Features {
  const stream = keyedStream([seed, 'features']);
  const activations = Float32Array.from({ length: images * units }, (_, i) =>
    i % units < dead ? 0 : Math.max(0, stream.normal() + 0.5),
  );
  const cosines = Float32Array.from({ length: images * concepts }, () => 0.2 + 0.04 * stream.normal());
  return { images, units, concepts, activations, cosines };
}

function largestDifference(a: ArrayLike<number>, b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...b.map((value, i) => Math.abs(value - (a[i] ?? Number.NaN))));
}

describe('similarities', () => {
  test.each(SIMILARITY_NAMES)('%s equals its definition in float64 within 1e-5', (name) => {
    const spec = similaritySchema.parse(name);
    const features = randomFeatures(240, 12, 7, 1);
    expect(largestDifference(similarity(features, spec), direct(features, spec))).toBeLessThan(1e-5);
  });

  test.each([
    { name: 'soft_wpmi', topK: 17, scale: 3, lambda: 0.5, pStart: 0.9, pEnd: 0.2, minProbability: 1e-3 },
    { name: 'wpmi', topK: 9, scale: 40, lambda: 0 },
    { name: 'rank_reorder', topFraction: 0.5, scalePower: 0 },
    { name: 'cos_similarity_cubed', minNorm: 1e3 },
  ])('with other numbers: %j', (options) => {
    const spec = similaritySchema.parse(options);
    const features = randomFeatures(90, 5, 4, 2);
    expect(largestDifference(similarity(features, spec), direct(features, spec))).toBeLessThan(1e-5);
  });

  test('have the defaults of the public code', () => {
    expect(similaritySchema.parse('soft_wpmi')).toEqual({
      name: 'soft_wpmi',
      topK: 100,
      scale: 10,
      lambda: 1,
      minProbability: 1e-7,
      pStart: 0.998,
      pEnd: 0.97,
    });
    expect(similaritySchema.parse('wpmi')).toMatchObject({ topK: 28, scale: 2, lambda: 0.6, minProbability: 1e-7 });
    expect(similaritySchema.parse('rank_reorder')).toMatchObject({ topFraction: 0.05, scalePower: 0.5 });
  });

  test.each(SIMILARITY_NAMES)('%s: units that are never active leave every score finite', (name) => {
    const scores = similarity(randomFeatures(240, 6, 5, 3, 2), similaritySchema.parse(name));
    expect(scores.every(Number.isFinite)).toBe(true);
  });

  test('prefer the unit that is active on the images of a concept', () => {
    const { cosines, ...rest } = randomFeatures(400, 4, 4, 4);
    // Unit d is active where CLIP sees concept d.
    const features = { ...rest, cosines, activations: cosines.map((value) => 10 * value) };
    for (const name of SIMILARITY_NAMES) {
      const scores = similarity(features, similaritySchema.parse(name));
      for (const unit of range(4)) {
        const row = [...scores.subarray(4 * unit, 4 * unit + 4)];
        expect([name, row.indexOf(Math.max(...row))]).toEqual([name, unit]);
      }
    }
  });

  test('refuse too few probe images', () => {
    const features = randomFeatures(30, 4, 3, 5);
    expect(() => similarity(features, similaritySchema.parse('soft_wpmi'))).toThrow(/100 of 30 probe images/);
    expect(() => similarity(features, similaritySchema.parse('rank_reorder'))).toThrow(RankingError);
    expect(similarity(features, similaritySchema.parse('wpmi'))).toHaveLength(12);
  });
});

describe('the pieces', () => {
  test('top images are those of a stable sort', () => {
    const values = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, fc.nat(), (activations, seed) => {
        const images = activations.length;
        const count = 1 + (seed % images);
        const features = { ...randomFeatures(images, 1, 1, 6), activations: Float32Array.from(activations) };
        const sorted = range(images).sort((a, b) => activations[b]! - activations[a]! || a - b);
        expect(topImages(features, 0, count)).toEqual(sorted.slice(0, count));
      }),
      { seed: 20261124, numRuns: 300 },
    );
  });

  test('the mean cubed difference over all pairs', () => {
    const values = fc.array(fc.integer({ min: -50_000, max: 50_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(values, (unsorted) => {
        const rising = Float64Array.from(unsorted, (value) => value / 1000).sort();
        const pairs = [...rising].flatMap((a) => [...rising].map((b) => Math.abs(a - b) ** 3));
        const spread = (rising.at(-1) ?? 0) - (rising[0] ?? 0);
        expect(Math.abs(meanCubedDifference(rising) - mean(pairs))).toBeLessThanOrEqual(1e-11 * spread ** 3);
      }),
      { seed: 20261124, numRuns: 300 },
    );
  });
});
