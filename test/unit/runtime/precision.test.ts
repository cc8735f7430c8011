import { expect, test } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { precisionFeeds, requireFloat32 } from '../../../src/runtime/precision.ts';
import { precisionOutputs } from '../../../src/runtime/provider.ts';

/** What becomes of a float32 whose mantissa is rounded to ten bits: to the nearest, and cut off. */
const ROUNDINGS = {
  nearest: (bits: number) => (bits + 0x1000) & ~0x1fff,
  'toward zero': (bits: number) => bits & ~0x1fff,
};

function rounded(value: number, rounding: (bits: number) => number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setUint32(0, rounding(view.getUint32(0)) >>> 0);
  return view.getFloat32(0);
}

/** As a tensor core: products of rounded factors, added up in float32. */
function products(rounding?: (bits: number) => number) {
  const factor = precisionFeeds().matrix.data[0]!;
  const given = rounding === undefined ? factor : rounded(factor, rounding);
  const sum = (terms: number) => {
    let total = 0;
    for (let term = 0; term < terms; term++) total = Math.fround(total + given);
    return total;
  };
  return { Conv: Float32Array.of(sum(576)), MatMul: Float32Array.of(sum(256)) };
}

test('the CPU computes in float32, and exactly', async () => {
  const outputs = await precisionOutputs('cpu');
  expect(new Set(outputs.Conv)).toEqual(new Set(products().Conv));
  expect(new Set(outputs.MatMul)).toEqual(new Set(products().MatMul));
  expect(() => requireFloat32('cuda', outputs)).not.toThrow();
});

test('what other algorithms make of it in float32 passes', () => {
  const near = (value: number) => Float32Array.of(value * (1 + 3e-6));
  expect(() => requireFloat32('cuda', { Conv: near(576.140625), MatMul: near(256.0625) })).not.toThrow();
});

test.each(Object.entries(ROUNDINGS))('factors rounded to ten bits, %s, are refused', (_, rounding) => {
  expect(() => requireFloat32('cuda', products(rounding))).toThrow(RunError);
  expect(() => requireFloat32('cuda', products(rounding))).toThrow(
    'cuda does not compute in float32: Conv of 576 terms 1 + 2^-12 gives 576 and not 576.140625, as factors rounded to ten bits ' +
      'do (TF32). Set NVIDIA_TF32_OVERRIDE=0 in the environment, or compute on another device (--device, compute.device)',
  );
  expect(() => requireFloat32('cuda', { ...products(), MatMul: products(rounding).MatMul })).toThrow(
    'MatMul of 256 terms 1 + 2^-12 gives 256 and not 256.0625',
  );
});

test('so are no numbers, and none at all', () => {
  expect(() => requireFloat32('webgpu', { ...products(), Conv: Float32Array.of(Number.NaN) })).toThrow(/Conv .* NaN /);
  expect(() => requireFloat32('webgpu', {})).toThrow(/Conv .* NaN and not 576.140625\. Update the driver/);
});
