import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ThreatModel } from '../../../src/attacks/core/attack.ts';
import { clipToThreat, distance, isWithinThreat } from '../../../src/attacks/norms/threat-model.ts';

const threat = fc.record({
  norm: fc.constantFrom<ThreatModel['norm'][]>('Linf', 'L2', 'L1'),
  epsilon: fc.double({ min: 1e-3, max: 12, noNaN: true }),
});
const pixel = fc.float({ min: 0, max: 1, noNaN: true });
const anything = fc.oneof(fc.float(), fc.float({ min: -1, max: 2, noNaN: true }), fc.constant(Number.NaN));
const pair = fc.array(fc.tuple(pixel, anything), { minLength: 1, maxLength: 60 }).map((pixels) => ({
  clean: Float32Array.from(pixels, ([value]) => value),
  candidate: Float32Array.from(pixels, ([, value]) => value),
}));

describe('clipToThreat', () => {
  it('makes anything valid, and leaves that alone', () => {
    fc.assert(
      fc.property(pair, threat, ({ clean, candidate }, model) => {
        clipToThreat(candidate, clean, model);
        expect(isWithinThreat(candidate, clean, model)).toBe(true);
        const once = candidate.slice();
        clipToThreat(candidate, clean, model);
        expect(candidate).toEqual(once);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('cuts each coordinate on its own in L-infinity', () => {
    const candidate = Float32Array.of(0.9, 0.52, -3, 0.2);
    clipToThreat(candidate, Float32Array.of(0.5, 0.5, 0.05, 0.5), { norm: 'Linf', epsilon: 0.1 });
    expect([...candidate]).toEqual([0.6, 0.52, 0, 0.4].map(Math.fround));
  });

  it('pulls towards the clean image in L2', () => {
    const candidate = Float32Array.of(0.8, 0.9);
    clipToThreat(candidate, Float32Array.of(0.5, 0.5), { norm: 'L2', epsilon: 0.25 });
    expect(candidate[0]).toBeCloseTo(0.65, 6);
    expect(candidate[1]).toBeCloseTo(0.7, 6);
  });
});

describe('distance', () => {
  it('is the norm of the difference', () => {
    const clean = Float32Array.of(0, 0.5, 1);
    const candidate = Float32Array.of(0.25, 0.5, 0.5);
    expect(distance(candidate, clean, 'Linf')).toBe(0.5);
    expect(distance(candidate, clean, 'L2')).toBeCloseTo(Math.sqrt(0.3125), 12);
    expect(distance(candidate, clean, 'L1')).toBe(0.75);
  });
});

describe('isWithinThreat', () => {
  const clean = Float32Array.of(0.5, 0.5);
  it.each([
    ['an image in the ball', [0.6, 0.4], true],
    ['one outside', [0.61, 0.4], false],
    ['NaN', [Number.NaN, 0.5], false],
  ])('of %s', (_, image, valid) => {
    expect(isWithinThreat(Float32Array.from(image), clean, { norm: 'Linf', epsilon: 0.1 })).toBe(valid);
  });

  it('of an image outside [0, 1]', () => {
    expect(isWithinThreat(Float32Array.of(-0.01), Float32Array.of(0), { norm: 'Linf', epsilon: 0.1 })).toBe(false);
  });
});
