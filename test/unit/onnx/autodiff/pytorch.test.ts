import { describe, expect, it } from 'vitest';
import { FAMILIES, gradientOf, readCases, relativeDifference } from './support.ts';

/** Gradients in float64 by PyTorch 1.13 (test/fixtures/gradient/make_gradients.py); ours are computed in float32. */
const TOLERANCE = 1e-5;

describe.each(FAMILIES)('gradients equal those of PyTorch: %s', (family) => {
  it.each(readCases(family))('$name', async ({ build, x, cotangent, gradient }) => {
    const actual = await gradientOf(build(), x, cotangent);
    expect(actual.dims).toEqual(gradient.dims);
    expect(relativeDifference(actual.data, gradient.data)).toBeLessThan(TOLERANCE);
  });
});
