import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { l1Projection } from '../../../../src/attacks/norms/l1.ts';
import { distance } from '../../../../src/attacks/norms/threat-model.ts';

/** What the original makes of some points: see make-l1-projections.py beside the fixture. */
interface Fixture {
  readonly clean: readonly number[];
  readonly cases: readonly {
    readonly radius: number;
    readonly point: readonly number[];
    readonly projected: readonly number[];
  }[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../fixtures/attacks/l1-projections.json', import.meta.url), 'utf8'),
);

function projected(point: Float32Array, clean: Float32Array, radius: number): Float32Array {
  const offsets = point.map((value, k) => value - clean[k]!);
  l1Projection(clean.length)(offsets, clean, radius, offsets);
  return offsets;
}

/** The same by sorting: the cut lies in the piece between two breakpoints where the length passes the radius. */
function projectedBySorting(point: Float32Array, clean: Float32Array, radius: number): number[] {
  const offsets = Array.from(point, (value, k) => value - clean[k]!);
  const caps = offsets.map((offset, k) => Math.min(Math.abs(offset), offset > 0 ? 1 - clean[k]! : clean[k]!));
  const lengthAt = (cut: number) =>
    offsets.reduce((sum, offset, k) => sum + Math.min(Math.max(Math.abs(offset) - cut, 0), caps[k]!), 0);
  const cut = () => {
    if (lengthAt(0) <= radius) return 0;
    const breakpoints = offsets.flatMap((offset, k) => [Math.abs(offset), Math.abs(offset) - caps[k]!]);
    const sorted = [0, ...breakpoints].sort((a, b) => a - b);
    const end = sorted.findIndex((value) => lengthAt(value) <= radius);
    const [left, right] = [sorted[end - 1]!, sorted[end]!];
    const [above, below] = [lengthAt(left), lengthAt(right)];
    return left + ((above - radius) / (above - below)) * (right - left);
  };
  const at = cut();
  return offsets.map((offset, k) => {
    const length = Math.min(Math.max(Math.abs(offset) - at, 0), caps[k]!);
    return clean[k]! + Math.sign(offset) * length;
  });
}

function largestGap(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((largest, value, k) => Math.max(largest, Math.abs(actual[k]! - value)), 0);
}

const pixel = fc.oneof(fc.constantFrom(0, 1, 0.5), fc.float({ min: 0, max: 1, noNaN: true }));
/** Far outside, a little outside, equal offsets, none at all. */
const offset = fc.oneof(
  fc.constantFrom(0, 0.25, -0.25, 1, -1, 1e-8),
  fc.float({ min: -1, max: 1, noNaN: true }),
  fc.float({ min: -50, max: 50, noNaN: true }),
);
const problem = fc.record({
  pixels: fc.array(fc.tuple(pixel, offset), { minLength: 1, maxLength: 60 }),
  radius: fc.oneof(fc.constantFrom(0, 0.25, 1), fc.double({ min: 0, max: 20, noNaN: true })),
});

describe('the projection onto the L1 ball within [0, 1]', () => {
  it('is what sorting all breakpoints gives', () => {
    fc.assert(
      fc.property(problem, ({ pixels, radius }) => {
        const clean = Float32Array.from(pixels, ([value]) => value);
        const point = Float32Array.from(pixels, ([value, shift]) => value + shift);
        const result = projected(point, clean, radius);
        // Offsets of up to 50 are float32 numbers 4e-6 apart.
        expect(largestGap(result, projectedBySorting(point, clean, radius))).toBeLessThan(1e-5);
        expect(result.every((value) => value >= 0 && value <= 1)).toBe(true);
        expect(distance(result, clean, 'L1')).toBeLessThan(radius + 1e-4);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('is the point itself where that lies within', () => {
    const clean = Float32Array.of(0, 0.2, 1, 0.7);
    const point = Float32Array.of(0.1, 0.1, 0.9, 0.7);
    expect(projected(point, clean, 0.31)).toEqual(point);
  });

  it('is the clean image at radius 0', () => {
    const clean = Float32Array.of(0, 0.2, 1, 0.7);
    expect(projected(Float32Array.of(3, 0.1, 0.9, -0.7), clean, 0)).toEqual(clean);
  });

  it('lies nowhere nearer: random points of the set are farther from the point', () => {
    fc.assert(
      fc.property(
        problem,
        fc.array(fc.tuple(fc.nat(59), fc.nat(59)), { minLength: 5, maxLength: 5 }),
        (given, moves) => {
          const clean = Float32Array.from(given.pixels, ([value]) => value);
          const point = Float32Array.from(given.pixels, ([value, shift]) => value + shift);
          const nearest = projected(point, clean, given.radius);
          const best = distance(nearest, point, 'L2');
          // Hand a little of one coordinate's offset to another: what stays within the set must not be nearer.
          for (const [from, to] of moves) {
            const other = nearest.slice();
            const [i, j] = [from % other.length, to % other.length];
            const amount = Math.min(1e-2, Math.abs(other[i]! - clean[i]!));
            other[i]! -= amount * Math.sign(other[i]! - clean[i]!);
            other[j]! += amount * (Math.sign(point[j]! - clean[j]!) || 1);
            if (other[j]! < 0 || other[j]! > 1) continue;
            expect(distance(other, point, 'L2')).toBeGreaterThan(best - 1e-4);
          }
        },
      ),
      { seed: 2, numRuns: 300 },
    );
  });

  it.each(fixture.cases.map((each, index) => ({ index, ...each })))(
    'is the original’s: point $index, radius $radius',
    ({ point, projected: expected, radius }) => {
      const result = projected(Float32Array.from(point), Float32Array.from(fixture.clean), radius);
      // The original adds lengths up in float32, which shifts its cut by as much as the sum's rounding.
      const total = point.reduce((sum, value, k) => sum + Math.abs(value - fixture.clean[k]!), 0);
      expect(largestGap(result, expected.map(Math.fround))).toBeLessThanOrEqual(2e-7 * total);
    },
  );
});
