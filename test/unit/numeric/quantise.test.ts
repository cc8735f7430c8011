import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isQuantised, quantised } from '../../../src/numeric/quantise.ts';

const fixture: { values: number[]; rounded: Record<string, number[]> } = JSON.parse(
  readFileSync('test/fixtures/quantise/quantised.json', 'utf8'),
);

test.each([1, 5, 8, 16])('values are rounded to %d bits as numpy does', (bits) => {
  const rounded = quantised(Float32Array.from(fixture.values), bits);
  expect(rounded).toEqual(Float32Array.from(fixture.rounded[bits]!));
  expect(quantised(rounded, bits)).toEqual(rounded);
  expect(isQuantised(rounded, bits)).toBe(true);
  expect(isQuantised(Float32Array.from(fixture.values), bits)).toBe(false);
});

test('bytes that float32 holds are of 8 bits, halves of steps are not', () => {
  const bytes = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);
  expect(isQuantised(bytes, 8)).toBe(true);
  expect(quantised(bytes, 8)).toEqual(bytes);
  expect(isQuantised(Float32Array.of(0, 3 / 510), 8)).toBe(false);
});
