import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetOf } from '../../../src/datasets/dataset.ts';
import { DatasetError } from '../../../src/errors.ts';

const SHAPE = [1, 2, 2] as const;
const bytes = Uint8Array.from({ length: 4 * 64 }, (_, i) => i);
const labels = Int32Array.from({ length: 64 }, (_, i) => i % 5);
const parts = { pixels: bytes, imageShape: SHAPE, labels, classes: 5 };

describe('pixels', () => {
  it('are byte / 255, rounded to float32 as a float32 division rounds', async () => {
    const pixels = await datasetOf(parts, undefined, 'here').pixels(0, 64);
    expect(pixels).toEqual(Float32Array.from(bytes, (byte) => Math.fround(byte) / Math.fround(255)));
    // What numpy and PyTorch print for 1/255 and 254/255 in float32.
    expect(pixels[1]).toBe(Math.fround(0.003921569));
    expect(pixels[254]).toBe(Math.fround(0.99607843));
  });

  it('of float data are the data, float64 rounded to float32', async () => {
    const values = Float64Array.of(0, 1, 0.1, 1 / 3);
    const dataset = datasetOf({ ...parts, pixels: values, labels: Int32Array.of(4) }, undefined, 'here');
    expect(await dataset.pixels(0, 1)).toEqual(new Float32Array(values));
  });

  it('are a copy: an attack that writes into them does not change the dataset', async () => {
    const dataset = datasetOf({ ...parts, pixels: new Float32Array(256) }, undefined, 'here');
    (await dataset.pixels(0, 2)).fill(1);
    expect(await dataset.pixels(0, 2)).toEqual(new Float32Array(8));
  });

  it('gathered by index are those of each image alone', async () => {
    const dataset = datasetOf(parts, undefined, 'here');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(63)), async (indices) => {
        const each = await Promise.all(indices.map((index) => dataset.pixels(index, 1)));
        expect(Array.from(await dataset.gather(indices))).toEqual(each.flatMap((image) => Array.from(image)));
      }),
      { seed: 7 },
    );
  });

  it.each([
    [60, 5],
    [-1, 1],
    [64, 1],
    [0.5, 1],
  ])('from %d, %d of them, rejects with RangeError', async (first, count) => {
    const dataset = datasetOf(parts, undefined, 'here');
    await expect(dataset.pixels(first, count)).rejects.toThrow(RangeError);
    await expect(dataset.gather([0, 64])).rejects.toThrow(RangeError);
  });
});

describe('limit and labels', () => {
  it('takes the first images', async () => {
    const dataset = datasetOf(parts, 3, 'here');
    expect(dataset.count).toBe(3);
    expect(dataset.labels).toEqual(Int32Array.of(0, 1, 2));
    expect(await dataset.pixels(0, 3)).toEqual(await datasetOf(parts, undefined, 'here').pixels(0, 3));
    await expect(dataset.pixels(3, 1)).rejects.toThrow(RangeError);
  });

  it.each([
    [65, /65 images were asked for, it holds 64/],
    [0, /a limit of 0/],
    [1.5, /a limit of 1\.5/],
    [Number.NaN, /a limit of NaN/],
  ])('refuses a limit of %d', (limit, message) => {
    expect(() => datasetOf(parts, limit, 'here')).toThrow(DatasetError);
    expect(() => datasetOf(parts, limit, 'here')).toThrow(message);
  });

  it('refuses a label that is no class, and no images at all', () => {
    expect(() => datasetOf({ ...parts, classes: 4 }, undefined, 'here')).toThrow(/^here: image 4 has label 4.*0 to 3/);
    expect(() => datasetOf({ ...parts, labels: new Int32Array(0) }, undefined, 'here')).toThrow(/holds no images/);
  });
});
