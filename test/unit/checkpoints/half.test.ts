import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32 } from '../../../src/numeric/tensor.ts';

const EVERY_PATTERN = Uint16Array.from({ length: 2 ** 16 }, (_, pattern) => pattern);

/** The value of a float16 by its definition: sign, exponent of 2, fraction. */
function float16Value(pattern: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern >> 10) & 0x1f;
  const fraction = (pattern & 0x3ff) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

describe('16-bit floats', () => {
  it('all 65,536 float16 values are exact', () => {
    expect(Array.from(float16ToFloat32(EVERY_PATTERN))).toEqual(Array.from(EVERY_PATTERN, float16Value));
  });

  it('all 65,536 bfloat16 values are the upper halves of float32 values', () => {
    const bits = new Uint32Array(bfloat16ToFloat32(EVERY_PATTERN).buffer);
    expect(Array.from(bits)).toEqual(Array.from(EVERY_PATTERN, (pattern) => pattern * 2 ** 16));
  });

  it('NaNs keep their sign and payload', () => {
    const bits = new Uint32Array(float16ToFloat32(Uint16Array.of(0x7e01, 0xfc01)).buffer);
    expect(Array.from(bits)).toEqual([0x7fc02000, 0xff802000]);
  });
});
