import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../../src/errors.ts';
import { largestDifference, requireAgreement } from '../../../../src/evaluation/proof/agreement.ts';

const LOGITS = Float32Array.of(4, -2, 1, 0.5);
const times = (factor: number) => LOGITS.map((value) => value * factor);

/** Two answers that lie `difference` apart, of a model that moves by `rounding` with the last bits of its images. */
const compared = (difference: number, rounding: number) =>
  requireAgreement({
    answers: [LOGITS, times(1 + difference)],
    classes: 2,
    x: Float32Array.of(0.1, 0.2),
    ask: async () => times(1 + rounding),
    problem: (by) => `they differ by ${by}`,
  });

describe('two answers', () => {
  it('agree where rounding alone is between them', async () => {
    expect(await compared(0, 0)).toEqual({ difference: 0, illConditioned: false });
    expect((await compared(9e-5, 0)).illConditioned).toBe(false);
  });

  it('are refused beyond that', async () => {
    await expect(compared(2e-4, 1e-7)).rejects.toThrow(new ModelError('they differ by 0.00020'));
  });

  it('may differ by as much as a model magnifies rounding, up to what changes predictions', async () => {
    expect((await compared(2e-4, 1e-5)).illConditioned).toBe(true);
    await expect(compared(2e-2, 1e-2)).rejects.toThrow('they differ by 0.020');
  });

  it('are compared image by image, relative to the image, and where they are numbers', () => {
    expect(largestDifference(LOGITS, Float32Array.of(4, -2, 1, 0.6), 2)).toBeCloseTo(0.1, 6);
    const broken = Float32Array.of(4, Number.NaN, 1, 0.5);
    expect(largestDifference(broken, broken, 2)).toBe(0);
    expect(largestDifference(LOGITS, broken, 2)).toBe(Number.POSITIVE_INFINITY);
  });
});
