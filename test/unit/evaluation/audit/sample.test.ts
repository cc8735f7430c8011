import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditSample } from '../../../../src/evaluation/audit/sample.ts';
import {
  confidenceEach,
  PLANNED_BREAKS,
  type SampleTask,
  sampleSize,
} from '../../../../src/evaluation/audit/sample-size.ts';
import { markedInterval } from '../../../../src/numeric/hypergeometric.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';

const SEED = { seed: 20260101 };
const task = { halfWidth: 0.005, confidence: 0.95, variants: 1, breaks: PLANNED_BREAKS };

describe('sampleSize', () => {
  // The first of all sizes that suffices, by scipy 1.17's hypergeom.
  it.each([
    [2890, 10_000, {}, 190],
    [2890, 10_000, { variants: 6 }, 291],
    [290, 1000, {}, 131],
    [74, 256, { variants: 6 }, 66],
    [1000, 1000, {}, 641],
    [2890, 10_000, { breaks: 0.05 }, 540],
    [290, 1000, { breaks: 0.03 }, 177],
    [300, 1000, { breaks: 0.5, halfWidth: 0.02 }, 126],
    [50, 1000, { breaks: 1 }, 13],
    [1000, 1000, { halfWidth: 0.0005 }, 979],
    [10, 1000, {}, 1],
    [0, 1000, {}, 0],
    [1, 1, {}, 1],
  ])('of %i survivors of %i images, %o', (survivors, images, others, expected) => {
    expect(sampleSize({ ...task, survivors, images, ...others })).toBe(expected);
  });

  const tasks = fc.integer({ min: 1, max: 3000 }).chain((images) =>
    fc.record({
      images: fc.constant(images),
      survivors: fc.nat(images),
      halfWidth: fc.double({ min: 0.001, max: 0.05, noNaN: true }),
      confidence: fc.constantFrom(0.9, 0.95, 0.99),
      variants: fc.integer({ min: 1, max: 8 }),
      breaks: fc.constantFrom(0.002, PLANNED_BREAKS, 0.05),
    }),
  );
  const widthOf = (planned: SampleTask, sample: number) => {
    const count = {
      population: planned.survivors,
      sample,
      marked: Math.min(sample, Math.ceil(planned.breaks * sample - 1e-9)),
    };
    const [low, high] = markedInterval(count, confidenceEach(planned.confidence, planned.variants));
    return (high - low) / planned.images;
  };

  it('is enough, and one less is not', () => {
    fc.assert(
      fc.property(tasks, (planned) => {
        const sample = sampleSize(planned);
        expect(sample).toBeLessThanOrEqual(planned.survivors);
        if (planned.survivors === 0) return;
        expect(widthOf(planned, sample)).toBeLessThanOrEqual(2 * planned.halfWidth);
        if (sample > 1) expect(widthOf(planned, sample - 1)).toBeGreaterThan(2 * planned.halfWidth);
      }),
      SEED,
    );
  });

  it('is never more for a looser bound, nor for fewer survivors', () => {
    fc.assert(
      fc.property(tasks, (planned) => {
        const sample = sampleSize(planned);
        expect(sampleSize({ ...planned, halfWidth: 1.5 * planned.halfWidth })).toBeLessThanOrEqual(sample);
        expect(sampleSize({ ...planned, variants: planned.variants + 1 })).toBeGreaterThanOrEqual(sample);
        expect(sampleSize({ ...planned, survivors: planned.images })).toBeGreaterThanOrEqual(sample);
      }),
      SEED,
    );
  });

  it('takes no time of a million images', () => {
    const start = performance.now();
    const sample = sampleSize({ ...task, survivors: 1_000_000, images: 1_000_000, halfWidth: 0.0005, variants: 6 });
    expect(performance.now() - start).toBeLessThan(2000);
    expect(sample).toBeGreaterThan(100_000);
    expect(sample).toBeLessThan(1_000_000);
  });
});

describe('auditSample', () => {
  const survivors = Array.from({ length: 300 }, (_, i) => 3 * i);

  it('depends on the seed and the numbers of images alone', () => {
    const sample = auditSample(survivors, 40, 7);
    expect(sample).toHaveLength(40);
    expect(sample).toEqual(sample.toSorted((a, b) => a - b));
    expect(auditSample(survivors.toReversed(), 40, 7)).toEqual(sample);
    expect(auditSample(survivors, 40, 8)).not.toEqual(sample);
    // An image that another variant lost leaves the others in their order.
    const [lost, ...others] = sample;
    const without = auditSample(
      survivors.filter((image) => image !== lost),
      40,
      7,
    );
    expect(without.filter((image) => sample.includes(image))).toEqual(others);
  });

  it('is nested: a larger one holds a smaller one, and all is all', () => {
    const large = new Set(auditSample(survivors, 200, 1));
    expect(auditSample(survivors, 50, 1).every((image) => large.has(image))).toBe(true);
    expect(auditSample(survivors, 300, 1)).toEqual(survivors);
    expect(auditSample(survivors, 0, 1)).toEqual([]);
    expect(auditSample([], 0, 1)).toEqual([]);
  });
});

describe('the interval of an audit', () => {
  const RUNS = 2000;
  const SHARES = [0, 0.002, 0.01, 0.05, 0.2];
  const covers = (survivors: number, sample: number, seen: readonly number[], broken: number) => {
    const hits = seen.filter((marked) => {
      const [low, high] = markedInterval({ population: survivors, sample, marked }, 0.95);
      return low <= broken && broken <= high;
    });
    return hits.length / seen.length;
  };

  it('covers the truth in at least 95% of 2,000 runs, samples drawn as an audit draws them', () => {
    const survivors = Array.from({ length: 250 }, (_, image) => image);
    const size = sampleSize({ ...task, survivors: 250, images: 1000 });
    const samples = Array.from({ length: RUNS }, (_, seed) => auditSample(survivors, size, seed));
    for (const share of SHARES) {
      const broken = Math.round(share * survivors.length);
      const seen = samples.map((sample) => sample.filter((image) => image < broken).length);
      expect(covers(survivors.length, size, seen, broken), `${share}`).toBeGreaterThanOrEqual(0.95);
    }
  });

  it.each(SHARES)('covers it of 2,890 survivors, a share %d of which breaks', (share) => {
    const [survivors, size] = [2890, sampleSize({ ...task, survivors: 2890, images: 10_000 })];
    const broken = Math.round(share * survivors);
    const seen = Array.from({ length: RUNS }, (_, run) => drawn(survivors, broken, size, run));
    expect(covers(survivors, size, seen, broken)).toBeGreaterThanOrEqual(0.95);
  });
});

/** How many of `size` items, drawn without replacement, are among the `marked` ones. */
function drawn(population: number, marked: number, size: number, run: number): number {
  const stream = keyedStream(['coverage', marked, run]);
  let found = 0;
  for (let i = 0; i < size; i++) if (stream.integer(population - i) < marked - found) found++;
  return found;
}
