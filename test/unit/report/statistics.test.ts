import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyedStream } from '../../../src/numeric/random.ts';
import { mcnemarExact, pairedInterval, wilsonInterval } from '../../../src/numeric/statistics.ts';
import { jaccard } from '../../../src/ranking/diagnostics.ts';

const SEED = { seed: 20260101 };

describe('wilsonInterval', () => {
  // scipy 1.17: binomtest(correct, total).proportion_ci(0.95, method='wilson')
  it.each([
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371109, 1],
    [1, 1, 0.20654931437723745, 1],
    [0, 1, 0, 0.7934506856227626],
    [1, 3, 0.06149194472039626, 0.7923403991979523],
    [5, 10, 0.236593090512564, 0.7634069094874361],
    [207, 500, 0.3716426089098014, 0.4576687776495856],
    [289, 1000, 0.26175445197633085, 0.31786044010457337],
    [4130, 10000, 0.40338487299089776, 0.4226819427256],
  ])('agrees with scipy for %i of %i', (correct, total, low, high) => {
    const [ours, theirs] = [wilsonInterval(correct, total), [low, high]];
    expect(ours[0]).toBeCloseTo(theirs[0]!, 13);
    expect(ours[1]).toBeCloseTo(theirs[1]!, 13);
  });

  it('says nothing about no images', () => {
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });

  const share = fc.integer({ min: 1, max: 50_000 }).chain((total) => fc.tuple(fc.nat(total), fc.constant(total)));

  it('stays in [0, 1], holds the share, and mirrors with it', () => {
    fc.assert(
      fc.property(share, ([correct, total]) => {
        const [low, high] = wilsonInterval(correct, total);
        const [mirroredLow, mirroredHigh] = wilsonInterval(total - correct, total);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(correct / total);
        expect(high).toBeGreaterThanOrEqual(correct / total);
        expect(1 - mirroredHigh).toBeCloseTo(low, 12);
        expect(1 - mirroredLow).toBeCloseTo(high, 12);
      }),
      SEED,
    );
  });

  it('narrows with more images', () => {
    fc.assert(
      fc.property(share, ([correct, total]) => {
        const width = ([low, high]: [number, number]) => high - low;
        expect(width(wilsonInterval(2 * correct, 2 * total))).toBeLessThan(width(wilsonInterval(correct, total)));
      }),
      SEED,
    );
  });
});

describe('mcnemarExact', () => {
  // Python: n, k = b + c, min(b, c); float(min(1, Fraction(2 * sum(comb(n, i) for i in range(k + 1)), 2**n)))
  it.each([
    [0, 0, 1],
    [1, 0, 1],
    [0, 5, 0.0625],
    [1, 9, 0.021484375],
    [5, 5, 1],
    [6, 14, 0.11531829833984375],
    [10, 25, 0.01667384780012071],
    [49, 51, 0.9204107626128213],
    [121, 59, 4.434449263755176e-6],
    [30, 0, 1.862645149230957e-9],
    [1000, 1100, 0.030720707864242296],
    [2500, 2600, 0.16565587842846058],
    [4000, 6000, 1.7404316412268784e-89],
  ])('is exact for %i against %i', (onlyA, onlyB, expected) => {
    // A sum of thousands of logarithms keeps 11 digits.
    expect(mcnemarExact(onlyA, onlyB) / expected).toBeCloseTo(1, 10);
  });

  const counts = fc.tuple(fc.nat(6000), fc.nat(6000));

  it('is a probability, the same from both sides', () => {
    fc.assert(
      fc.property(counts, ([onlyA, onlyB]) => {
        const p = mcnemarExact(onlyA, onlyB);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(mcnemarExact(onlyB, onlyA)).toBe(p);
      }),
      SEED,
    );
  });

  it('falls as the discordant images lean to one side', () => {
    fc.assert(
      fc.property(counts, ([a, b]) => {
        const [fewer, more] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(fewer > 0);
        expect(mcnemarExact(fewer - 1, more + 1)).toBeLessThanOrEqual(mcnemarExact(fewer, more));
      }),
      SEED,
    );
  });
});

describe('pairedInterval', () => {
  const { round } = Math;
  /** Counts of a 2 x 2 table: right under both, under a alone, under b alone, under neither. */
  const table = fc.tuple(fc.nat(300), fc.nat(60), fc.nat(60), fc.nat(300)).filter((cells) => cells.some((n) => n > 0));
  const of = ([both, onlyA, onlyB, neither]: readonly [number, number, number, number]) =>
    pairedInterval({
      ...{ correctA: both + onlyA, correctB: both + onlyB },
      ...{ onlyA, onlyB, total: both + onlyA + onlyB + neither },
    });

  it("is Wilson's joined by the correlation, worked by hand", () => {
    // 36 right under both, 12 under a alone, 2 under b alone, 0 under neither: shares 0.96 and 0.76, phi = -24 / sqrt(48 * 2 * 38 * 12).
    const phi = -24 / Math.sqrt(48 * 2 * 38 * 12);
    const [[lowA, highA], [lowB, highB]] = [wilsonInterval(48, 50), wilsonInterval(38, 50)];
    const [down, up, downA, upA] = [0.76 - lowB, highB - 0.76, 0.96 - lowA, highA - 0.96];
    const [low, high] = of([36, 12, 2, 0]);
    expect(low).toBeCloseTo(-0.2 - Math.sqrt(down ** 2 - 2 * phi * down * upA + upA ** 2), 12);
    expect(high).toBeCloseTo(-0.2 + Math.sqrt(up ** 2 - 2 * phi * up * downA + downA ** 2), 12);
  });

  it('holds the difference, lies in [-1, 1] and turns round with the two', () => {
    fc.assert(
      fc.property(table, ([both, onlyA, onlyB, neither]) => {
        const [low, high] = of([both, onlyA, onlyB, neither]);
        const difference = (onlyB - onlyA) / (both + onlyA + onlyB + neither);
        expect(low).toBeLessThanOrEqual(difference + 1e-12);
        expect(high).toBeGreaterThanOrEqual(difference - 1e-12);
        expect(low).toBeGreaterThanOrEqual(-1 - 1e-12);
        expect(high).toBeLessThanOrEqual(1 + 1e-12);
        const [mirroredLow, mirroredHigh] = of([both, onlyB, onlyA, neither]);
        expect(mirroredLow).toBeCloseTo(-high, 12);
        expect(mirroredHigh).toBeCloseTo(-low, 12);
      }),
      SEED,
    );
  });

  it('holds the true difference in about 95 of 100 experiments', () => {
    const stream = keyedStream(['paired']);
    // Right under both 0.5, under a alone 0.03, under b alone 0.08: the difference is 0.05.
    const experiment = () => {
      const cells: [number, number, number, number] = [0, 0, 0, 0];
      for (let image = 0; image < 500; image++) {
        const draw = stream.uniform();
        cells[draw < 0.5 ? 0 : draw < 0.53 ? 1 : draw < 0.61 ? 2 : 3] += 1;
      }
      const [low, high] = of(cells);
      return low <= 0.05 && 0.05 <= high;
    };
    const held = Array.from({ length: 2000 }, experiment).filter(Boolean).length / 2000;
    // Two standard errors are a point.
    expect(round(100 * held)).toBeGreaterThanOrEqual(94);
    expect(round(100 * held)).toBeLessThanOrEqual(97);
  });
});

describe('jaccard', () => {
  it.each([
    [[], [], 1],
    [[1], [], 0],
    [[1, 2, 3], [1, 2, 3], 1],
    [[1, 2], [3, 4], 0],
    [[1, 2, 3], [2, 3, 4], 0.5],
    [[1], [1, 2, 3, 4], 0.25],
  ])('of %j and %j is %f', (a, b, expected) => {
    expect(jaccard(new Set(a), new Set(b))).toBe(expected);
  });

  it('is symmetric, and 1 for equal sets alone', () => {
    const set = fc.uniqueArray(fc.nat(12)).map((elements) => new Set(elements));
    fc.assert(
      fc.property(set, set, (a, b) => {
        expect(jaccard(a, b)).toBe(jaccard(b, a));
        expect(jaccard(a, b) === 1).toBe(a.size === b.size && [...a].every((element) => b.has(element)));
      }),
      SEED,
    );
  });
});
