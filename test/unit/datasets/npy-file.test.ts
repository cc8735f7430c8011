import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readNpyDataset } from '../../../src/datasets/npy-dataset.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import type { Tensor } from '../../../src/numeric/tensor.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const folder = temporaryFolder('igd-npy-');
const COUNT = 7;
const SHAPE = [COUNT, 3, 5, 4];
const SIZE = SHAPE.reduce((product, dim) => product * dim, 1);
const labels = join(folder, 'labels.npy');
writeFileSync(labels, encodeNpy({ type: 'int32', dims: [COUNT], data: Int32Array.of(3, 1, 4, 1, 5, 9, 2) }));

const unit = Array.from({ length: SIZE }, (_, i) => (i * 37) % 256);
const floats = unit.map((byte) => byte / 255);
/** Zeros to 1 in float16, whose bits run as its values do. */
const halves = Uint16Array.from(unit, (byte) => Math.floor((byte / 255) * 0x3c00));

const IMAGES: [string, Tensor, ((npy: Uint8Array) => Uint8Array)?][] = [
  ['bytes', { type: 'uint8', dims: SHAPE, data: Uint8Array.from(unit) }],
  ['bytes, channels last', { type: 'uint8', dims: [COUNT, 5, 4, 3], data: Uint8Array.from(unit) }],
  ['grey bytes', { type: 'uint8', dims: [COUNT, 15, 4], data: Uint8Array.from(unit) }],
  ['float16', { type: 'float16', dims: SHAPE, data: halves }],
  ['float32', { type: 'float32', dims: SHAPE, data: Float32Array.from(floats) }],
  ['float64', { type: 'float64', dims: SHAPE, data: Float64Array.from(floats) }],
  ['big-endian float32', { type: 'float32', dims: SHAPE, data: Float32Array.from(floats) }, swapped],
];

/** The same numbers, the most significant byte first. */
function swapped(npy: Uint8Array): Uint8Array {
  const bytes = Buffer.from(npy);
  bytes.write("'>f4'", bytes.indexOf("'<f4'"));
  bytes.subarray(bytes.length - SIZE * 4).swap32();
  return bytes;
}

let files = 0;
function fileOf(npy: Uint8Array): string {
  files += 1;
  const path = join(folder, `images-${files}.npy`);
  writeFileSync(path, npy);
  return path;
}

describe('a large .npy stays in its file', () => {
  const open = (path: string, wholeBytes: number, limit?: number) =>
    readNpyDataset({ format: 'npy', path, labels, split: 'test', limit }, wholeBytes);

  test.each(IMAGES)('%s: the images are those of one that is read whole', async (_, tensor, change = (npy) => npy) => {
    const path = fileOf(change(encodeNpy(tensor)));
    const [whole, large] = [await open(path, Number.POSITIVE_INFINITY), await open(path, 0)];
    const { pixels: _p, gather: _g, ...facts } = large;
    expect(whole).toMatchObject(facts);
    expect(await large.pixels(0, COUNT)).toEqual(await whole.pixels(0, COUNT));
    expect(await large.gather([6, 0, 6])).toEqual(await whole.gather([6, 0, 6]));
    const limited = await open(path, 0, 3);
    expect([limited.count, ...limited.labels]).toEqual([3, 3, 1, 4]);
    await expect(limited.pixels(2, 2)).rejects.toThrow(RangeError);
  });

  test('and is looked at as a whole: what is wrong is named', async () => {
    const data = Float32Array.from(floats);
    data[SIZE - 1] = Number.NaN;
    const bad = fileOf(encodeNpy({ type: 'float32', dims: SHAPE, data }));
    await expect(open(bad, 0)).rejects.toThrow(/images-\d+\.npy \(images 0 to 6\): value 419 of the images is NaN/);
    const npy = encodeNpy({ type: 'uint8', dims: SHAPE, data: Uint8Array.from(unit) });
    await expect(open(fileOf(npy.subarray(0, -1)), 0)).rejects.toThrow(
      /takes 420 bytes, the file has 419: it is cut off/,
    );
    await expect(open(fileOf(npy), 0, 8)).rejects.toThrow(/8 images were asked for, it holds 7/);
    await expect(open(join(folder, 'gone.npy'), 0)).rejects.toThrow(/gone\.npy: there is no such file/);
  });
});
