import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atMost, logFactorial, markedInterval } from '../../../src/numeric/hypergeometric.ts';

const SEED = { seed: 20260101 };

describe('logFactorial', () => {
  // Python 3: math.lgamma(n + 1)
  it.each([
    [0, 0],
    [1, 0],
    [31, 78.0922235533153],
    [32, 81.55795945611503],
    [33, 85.05446701758152],
    [100, 363.73937555556347],
    [1_000_000, 12815518.384658169],
  ])('of %i', (n, expected) => {
    expect(Math.abs(logFactorial(n) - expected)).toBeLessThanOrEqual(4e-16 * Math.max(100, expected));
  });
});

describe('atMost', () => {
  // scipy 1.17: hypergeom.cdf(x, population, total, sample)
  it.each([
    [0, 50, 7, 10, 0.18665136898254384],
    [3, 2890, 60, 180, 0.480018245804678],
    [10, 2890, 60, 180, 0.9990603258836758],
    [7, 100, 50, 20, 0.10535334138235722],
    [49_000, 1_000_000, 500_000, 100_000, 1.3366478602995571e-11],
  ])('%i, of %i with %i marked and a sample of %i', (x, population, total, sample, expected) => {
    expect(atMost(x, { population, total, sample }) / expected).toBeCloseTo(1, 7);
  });

  it('is the sum of what exact arithmetic counts', () => {
    const few = fc.integer({ min: 1, max: 18 }).chain((n) => fc.tuple(fc.constant(n), fc.nat(n), fc.nat(n), fc.nat(n)));
    fc.assert(
      fc.property(few, ([population, total, sample, x]) => {
        expect(atMost(x, { population, total, sample })).toBeCloseTo(counted(x, population, total, sample), 12);
      }),
      SEED,
    );
  });
});

/** By whole numbers alone. */
function counted(x: number, population: number, total: number, sample: number): number {
  const ways = Array.from({ length: x + 1 }, (_, i) => choose(total, i) * choose(population - total, sample - i));
  return ways.reduce((sum, count) => sum + count, 0) / choose(population, sample);
}

function choose(n: number, k: number): number {
  if (k < 0 || k > n) return 0;
  return k === 0 ? 1 : Math.round((choose(n - 1, k - 1) * n) / k);
}

describe('markedInterval', () => {
  // Both tails of scipy 1.17's hypergeom, inverted by bisection.
  it.each([
    [2890, 180, 0, 0.95, 0, 56],
    [2890, 180, 1, 0.95, 1, 86],
    [2890, 180, 2, 0.95, 5, 111],
    [2890, 180, 180, 0.95, 2834, 2890],
    [2890, 291, 3, 1 - 0.05 / 6, 5, 105],
    [300, 150, 2, 0.95, 2, 11],
    [1_000_000, 5000, 50, 0.99, 6751, 14212],
    [1_000_000, 999_999, 500_000, 0.95, 500_000, 500_001],
    [1_000_000, 100_000, 50_000, 0.95, 497_056, 502_944],
    [5000, 10, 10, 0.9, 3707, 5000],
    [20, 7, 3, 0.95, 3, 15],
    // A tail of exactly 2.5% shuts nothing out.
    [40, 1, 1, 0.95, 1, 40],
    [40, 1, 0, 0.95, 0, 39],
    [12, 12, 5, 0.95, 5, 5],
    [1, 1, 1, 0.95, 1, 1],
    [7, 0, 0, 0.95, 0, 7],
    [0, 0, 0, 0.95, 0, 0],
  ])('of %i, a sample of %i with %i marked, at %d', (population, sample, marked, confidence, low, high) => {
    expect(markedInterval({ population, sample, marked }, confidence)).toEqual([low, high]);
  });

  const counts = fc
    .integer({ min: 1, max: 5000 })
    .chain((population) => fc.tuple(fc.constant(population), fc.integer({ min: 1, max: population })))
    .chain(([population, sample]) =>
      fc.record({ population: fc.constant(population), sample: fc.constant(sample), marked: fc.nat(sample) }),
    );

  it('holds what was seen, mirrors with it, rises with it, and narrows with less confidence', () => {
    fc.assert(
      fc.property(counts, fc.double({ min: 0.5, max: 0.999, noNaN: true }), (count, confidence) => {
        const { population, sample, marked } = count;
        const [low, high] = markedInterval(count, confidence);
        expect(low).toBeGreaterThanOrEqual(marked);
        expect(high).toBeLessThanOrEqual(population - (sample - marked));
        expect(low).toBeLessThanOrEqual(Math.ceil((marked / sample) * population));
        expect(high).toBeGreaterThanOrEqual(Math.floor((marked / sample) * population));
        const mirrored = markedInterval({ population, sample, marked: sample - marked }, confidence);
        expect(mirrored).toEqual([population - high, population - low]);
        const [looserLow, looserHigh] = markedInterval(count, confidence / 2 + 0.5);
        expect(looserLow).toBeLessThanOrEqual(low);
        expect(looserHigh).toBeGreaterThanOrEqual(high);
        if (marked === sample) return;
        const [nextLow, nextHigh] = markedInterval({ population, sample, marked: marked + 1 }, confidence);
        expect(nextLow).toBeGreaterThanOrEqual(low);
        expect(nextHigh).toBeGreaterThanOrEqual(high);
      }),
      SEED,
    );
  });
});
