import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RankingError } from '../../../src/contracts/errors.ts';
import { SIMILARITY_NAMES, type SimilaritySpec, similaritySchema } from '../../../src/contracts/similarities.ts';
import { streamOf } from '../../../src/random/stream.ts';
import { type Features, topImages } from '../../../src/ranking/cdir/features.ts';
import { meanCubedDifference } from '../../../src/ranking/cdir/rank-reorder.ts';
import { similarity } from '../../../src/ranking/cdir/similarities.ts';

/** Random features: activations behind a ReLU, cosines as CLIP has them; `dead` units are never active. */
function randomFeatures(images: number, units: number, concepts: number, seed: number, dead = 0): Features {
  const stream = streamOf([seed, 'features']);
  const activations = Float32Array.from({ length: images * units }, (_, i) =>
    i % units < dead ? 0 : Math.max(0, stream.normal() + 0.5),
  );
  const cosines = Float32Array.from({ length: images * concepts }, () => 0.2 + 0.04 * stream.normal());
  return { images, units, concepts, activations, cosines };
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

/** The definitions of CLIP-Dissect's similarity.py one element at a time, in float64. */
function direct(features: Features, spec: SimilaritySpec): number[] {
  const { images, units, concepts } = features;
  const activation = (image: number, unit: number) => features.activations[image * units + unit]!;
  const cosine = (image: number, concept: number) => features.cosines[image * concepts + concept]!;
  const ranked = (unit: number) => range(images).sort((a, b) => activation(b, unit) - activation(a, unit) || a - b);
  const everyPair = (score: (unit: number, concept: number) => number) =>
    range(units).flatMap((unit) => range(concepts).map((concept) => score(unit, concept)));

  switch (spec.name) {
    case 'soft_wpmi':
    case 'wpmi': {
      const [start, end] = spec.name === 'wpmi' ? [1, 1] : [spec.pStart, spec.pEnd];
      const probability = (image: number, c: number) =>
        Math.exp(spec.scale * cosine(image, c)) /
        sum(range(concepts).map((other) => Math.exp(spec.scale * cosine(image, other))));
      const given = everyPair((unit, c) =>
        sum(
          ranked(unit)
            .slice(0, spec.topK)
            .map((image, k) => {
              const p = start - (k / spec.topK) * (start - end);
              return Math.log(1 + p * (probability(image, c) - 1) + spec.minProbability);
            }),
        ),
      );
      const common = range(concepts).map((c) => {
        const column = range(units).map((unit) => given[unit * concepts + c]!);
        const highest = Math.max(...column);
        return highest + Math.log(sum(column.map((value) => Math.exp(value - highest)))) - Math.log(units);
      });
      return everyPair((unit, c) => given[unit * concepts + c]! - spec.lambda * common[c]!);
    }
    case 'rank_reorder':
      return everyPair((unit, c) => {
        const top = ranked(unit).slice(0, Math.trunc(images * spec.topFraction));
        const values = top.map((image) => activation(image, unit));
        const rising = values.toReversed();
        const seen = top.map((image) => cosine(image, c));
        const place = (i: number) => seen.filter((other, j) => other < seen[i]! || (other === seen[i] && j < i)).length;
        const error = mean(values.map((value, i) => Math.abs(value - rising[place(i)]!) ** 3));
        const random = mean(values.flatMap((a) => values.map((b) => Math.abs(a - b) ** 3)));
        return -(error / random) / mean(seen) ** spec.scalePower;
      });
    default: {
      const cubed = spec.name === 'cos_similarity_cubed';
      const vector = (values: number[]) => {
        const shaped = cubed ? values.map((value) => (value - mean(values)) ** 3) : values;
        const norm = Math.sqrt(sum(shaped.map((value) => value ** 2)));
        return shaped.map(
          (value) => value / (spec.name === 'cos_similarity_cubed' ? Math.max(norm, spec.minNorm) : norm),
        );
      };
      return everyPair((unit, c) => {
        const ours = vector(range(images).map((image) => activation(image, unit)));
        const theirs = vector(range(images).map((image) => cosine(image, c)));
        return sum(ours.map((value, i) => value * theirs[i]!));
      });
    }
  }
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
