import { describe, expect, it } from 'vitest';
import { toNumbers } from '../../../src/numeric/tensor.ts';

describe('toNumbers', () => {
  it('decodes 16-bit floats, whose elements are bit patterns', () => {
    const [third, one] = [0x3555, 0x3c00];
    expect(toNumbers({ type: 'float16', dims: [2], data: Uint16Array.of(third, one) })).toEqual([1365 / 4096, 1]);
    expect(toNumbers({ type: 'bfloat16', dims: [2], data: Uint16Array.of(0x3f80, 0xc000) })).toEqual([1, -2]);
  });
});
