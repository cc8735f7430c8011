import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { labelled } from '../../../src/datasets/array-labels.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import { float32, int64, type Tensor } from '../../../src/numeric/tensor.ts';
import { describeWithShared } from '../../support/shared.ts';
import { zip } from '../checkpoints/support/zip.ts';
import { expectRefusal, put, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const NPZ = join(import.meta.dirname, '../../fixtures/npy');

let files = 0;
/** Writes images and labels, and opens them as a dataset. */
async function open(images: Tensor, labels: Tensor = int64([2], [0, 1]), limit?: number) {
  files += 1;
  const path = await put(folder, `x${files}.npy`, encodeNpy(images));
  const labelPath = await put(folder, `y${files}.npy`, encodeNpy(labels));
  return openDataset({ format: 'npy', path, split: 'test', labels: labelPath, limit });
}

const uint8 = (dims: readonly number[], data: Iterable<number>): Tensor => {
  return { type: 'uint8', dims, data: Uint8Array.from(data) };
};
const uint8Of = (dims: readonly number[]): Tensor => {
  return { type: 'uint8', dims, data: new Uint8Array(dims.reduce((size, dim) => size * dim)) };
};
const counting = (length: number) => Array.from({ length }, (_, i) => i);
const ramp = (length: number) => counting(length).map((i) => i / length);

describe('images', () => {
  it('of float32 are kept as they are', async () => {
    const dataset = await open(float32([2, 3, 2, 2], ramp(24)));
    expect(dataset).toMatchObject({ count: 2, imageShape: [3, 2, 2], classes: 2, classNames: undefined });
    expect(await dataset.pixels(0, 2)).toEqual(Float32Array.from(ramp(24)));
  });

  it('of float64 are rounded to float32', async () => {
    const dataset = await open({ type: 'float64', dims: [2, 1, 2, 3], data: Float64Array.from(ramp(12)) });
    expect(dataset.imageShape).toEqual([1, 2, 3]);
    expect(await dataset.gather([1])).toEqual(Float32Array.from(ramp(12).slice(6)));
  });

  it('of float16 are read exactly', async () => {
    // 0, the least subnormal, 1/3 and 2/3 as float16 has them, the number before 1, and 1.
    const data = Uint16Array.of(0, 1, 0x3555, 0x3955, 0x3bff, 0x3c00);
    const dataset = await open({ type: 'float16', dims: [2, 1, 1, 3], data });
    const values = [0, 2 ** -24, 1365 / 4096, 1365 / 2048, 2047 / 2048, 1];
    expect(await dataset.pixels(0, 2)).toEqual(Float32Array.from(values));
    const infinite = { type: 'float16', dims: [2, 1, 1, 1], data: Uint16Array.of(0x7c00, 0) } as const;
    await expectRefusal(open(infinite), folder, /hold values from 0 to Infinity/);
    const nan = { type: 'float16', dims: [2, 1, 1, 1], data: Uint16Array.of(0x7e00, 0) } as const;
    await expectRefusal(open(nan), folder, /value 0 of the images is NaN/);
  });

  it('of uint8 are divided by 255', async () => {
    const dataset = await open(uint8([2, 3, 1, 2], counting(12)));
    expect(await dataset.pixels(1, 1)).toEqual(Float32Array.from([6, 7, 8, 9, 10, 11], (byte) => byte / 255));
  });

  it('of uint8 with channels last are turned', async () => {
    const dataset = await open(uint8([2, 2, 4, 3], counting(48)));
    expect(dataset.imageShape).toEqual([3, 2, 4]);
    const [red, green] = [counting(8).map((i) => 24 + i * 3), counting(8).map((i) => 25 + i * 3)];
    expect((await dataset.pixels(1, 1)).slice(0, 16)).toEqual(
      Float32Array.from([...red, ...green], (byte) => byte / 255),
    );
  });

  it('of a grey [N, H, W], as many as labels, are [N, 1, H, W]', async () => {
    const dataset = await open(uint8([2, 2, 3], counting(12)));
    expect(dataset.imageShape).toEqual([1, 2, 3]);
    expect(await dataset.pixels(1, 1)).toEqual(Float32Array.from([6, 7, 8, 9, 10, 11], (byte) => byte / 255));
    expect((await open(float32([2, 2, 3], ramp(12)))).imageShape).toEqual([1, 2, 3]);
    // One image [H, W, C] is none of them.
    await expectRefusal(open(uint8([4, 4, 3], counting(48)), int64([1], [0])), folder, /4 images but 1 labels/);
  });

  it('are taken up to the limit', async () => {
    const dataset = await open(uint8([2, 1, 1, 1], [0, 255]), int64([2], [3, 9]), 1);
    expect(dataset).toMatchObject({ count: 1, classes: 10 });
    expect(await dataset.pixels(0, 1)).toEqual(Float32Array.of(0));
  });

  it.each<[string, Tensor, RegExp]>([
    ['a value above 1', float32([2, 1, 1, 2], [0, 1, 255, 3]), /values from 0 to 255, not in \[0, 1\]: divide by 255/],
    ['a value below 0', float32([2, 1, 1, 2], [-2, 1, 0, 0]), /from -2 to 1, not in \[0, 1\]: undo the normalisation/],
    ['NaN', float32([2, 1, 1, 2], [0, Number.NaN, 0, 0]), /value 1 of the images is NaN/],
    [
      'infinity',
      float32([2, 1, 1, 2], [0, Number.POSITIVE_INFINITY, 0, 0]),
      /from 0 to Infinity.*look for a division by 0/,
    ],
    [
      'floats with channels last',
      float32([2, 4, 4, 3]),
      /images of float32 \[2, 4, 4, 3\] cannot be used.*x\.transpose\(0, 3, 1, 2\)/,
    ],
    ['rows', uint8([2, 16], counting(32)), /images of uint8 \[2, 16\].*x\.reshape\(-1, C, H, W\)/],
    ['volumes', uint8([1, 1, 2, 2, 2], counting(8)), /volumes and videos are no images/],
    ['transparency', uint8([2, 2, 2, 4], counting(32)), /numpy\.save\("x\.npy", x\[\.\.\., :3\]\)/],
    ['two channels', uint8([2, 2, 4, 4], counting(64)), /images of uint8 \[2, 2, 4, 4\]/],
    [
      'int64 of bytes',
      int64([2, 1, 1, 1], [0, 200]),
      /of int64 .*from 0 to 200 .*if 255 is, numpy\.save\("x\.npy", x\.astype\("uint8"\)\)/,
    ],
    ['int64 of 0 and 1', int64([2, 1, 1, 1], [0, 1]), /from 0 to 1 .*if 1 is, .*x\.astype\("float32"\).*if 255 is, /],
    ['negative int64', int64([2, 1, 1, 1], [-3, 1]), /values from -3 to 1 are not of images/],
    [
      'large int32',
      { type: 'int32', dims: [2, 1, 1, 1], data: Int32Array.of(0, 70000) },
      /from 0 to 70000 .*x \/ WHITE/,
    ],
    [
      'uint16',
      { type: 'uint16', dims: [2, 1, 1, 1], data: Uint16Array.of(0, 4095) },
      /if 65535 is, numpy\.save\("x\.npy", \(x \/ 65535\)\.astype\("float32"\)\)/,
    ],
    [
      'bool',
      { type: 'bool', dims: [2, 1, 1, 1], data: Uint8Array.of(0, 1) },
      /1 is white: if it is, .*x\.astype\("float32"\)/,
    ],
    ['none', float32([0, 3, 4, 4]), /images of float32 \[0, 3, 4, 4\]/],
  ])('%s: refused', async (_, images, what) => {
    await expectRefusal(open(images), folder, what);
  });
});

describe('labels', () => {
  const images = uint8([2, 1, 1, 1], [0, 255]);

  it.each<Tensor>([
    { type: 'uint8', dims: [2], data: Uint8Array.of(4, 2) },
    { type: 'int16', dims: [2], data: Int16Array.of(4, 2) },
    { type: 'int32', dims: [2, 1], data: Int32Array.of(4, 2) },
    { type: 'uint64', dims: [2], data: BigUint64Array.of(4n, 2n) },
  ])('of $type $dims', async (labels) => {
    const dataset = await open(images, labels);
    expect(dataset).toMatchObject({ labels: Int32Array.of(4, 2), classes: 5 });
  });

  it.each<[string, Tensor, RegExp]>([
    ['of floats', float32([2], [0, 1]), /labels of float32 \[2\] cannot be used; .*y\.astype\("int64"\)/],
    ['one-hot', int64([2, 2], [0, 1, 1, 0]), /labels of int64 \[2, 2\].*one-hot; .*y\.argmax\(1\)/],
    ['of several classes', int64([2, 2], [1, 1, 1, 0]), /2 an image \(multi-label\?\).*y\[:, 0\]/],
    ['in one row', int64([1, 2], [0, 1]), /they are one row; .*y\.reshape\(-1\)/],
    ['a scalar', int64([], [1]), /labels of int64 \[\]/],
    ['too few', int64([1], [0]), /2 images but 1 labels/],
    ['negative', int64([2], [0, -1]), /label -1 of image 1 is no class/],
    ['beyond int32', int64([2], [2 ** 31, 0]), /label 2147483648 of image 0 is no class/],
  ])('%s: refused', async (_, labels, what) => {
    await expectRefusal(open(images, labels), folder, what);
  });

  it('are checked against a classes.txt beside', async () => {
    const own = join(folder, 'named');
    mkdirSync(own);
    const path = await put(own, 'x.npy', encodeNpy(images));
    const labels = await put(own, 'y.npy', encodeNpy(int64([2], [0, 1])));
    await put(own, 'classes.txt', 'a\nb\nc\n');
    const spec = { format: 'npy', path, labels, split: 'test' } as const;
    expect(await openDataset(spec)).toMatchObject({ classes: 3, classNames: ['a', 'b', 'c'] });
    await put(own, 'classes.txt', 'a\n');
    await expectRefusal(openDataset(spec), path, /image 1 has label 1/);
  });
});

it('images in the place of labels are refused, however many', async () => {
  for (const dims of [
    [50_000, 3, 32, 32],
    [50_000, 3072],
  ]) {
    const images = uint8Of(dims);
    await expect(labelled(images, 2, { path: 'x.npy', where: 'y.npy' })).rejects.toThrow(
      /y\.npy: labels .* save integers/,
    );
  }
});

describe('files', () => {
  const spec = (path: string, more: { labels?: string; split?: 'train' } = {}) =>
    openDataset({ format: 'npy', path, split: 'test', ...more });

  it('opens the arrays of the split in an .npz, or else x and y', async () => {
    const path = join(NPZ, 'dataset.npz');
    const test = await spec(path);
    expect(test).toMatchObject({ count: 2, imageShape: [1, 2, 3], classes: 3, labels: Int32Array.of(2, 0) });
    expect(await test.pixels(0, 2)).toEqual(Float32Array.from(counting(12), (byte) => byte / 255));
    const train = await spec(path, { split: 'train' });
    expect(train.labels).toEqual(Int32Array.of(1));
    expect(await train.pixels(0, 1)).toEqual(await test.pixels(1, 1));
  });

  // x_test there is [2, 3]: the reader found and decoded both arrays, and then did not take that for images.
  it.each(['stored.npz', 'deflated.npz'])('finds x_test and y_test in %s', async (name) => {
    await expectRefusal(spec(join(NPZ, name)), join(NPZ, name), /images of uint8 \[2, 3\] cannot be used/);
  });

  it("opens MedMNIST's arrays of the split", async () => {
    const path = join(NPZ, 'medmnist.npz');
    expect(await spec(path)).toMatchObject({ count: 2, imageShape: [1, 2, 3], labels: Int32Array.of(1, 0) });
    const train = await spec(path, { split: 'train' });
    expect(train).toMatchObject({ count: 3, labels: Int32Array.of(2, 0, 1) });
    expect(await train.pixels(2, 1)).toEqual(Float32Array.from([12, 13, 14, 15, 16, 17], (byte) => byte / 255));
    const several = join(NPZ, 'multi-label.npz');
    await expectRefusal(spec(several), several, /labels of uint8 \[2, 3\] .*multi-label/);
    await expectRefusal(spec(several, { split: 'train' }), several, /it holds test_images, test_labels, val_images/);
  });

  it("takes MedMNIST's arrays where there are no others: files that have both were read by those", async () => {
    const array = (name: string, value: number) => {
      return { name: `${name}.npy`, data: encodeNpy(uint8([2, 1, 1, 1], [value, value])) };
    };
    const data = zip([array('test_images', 1), array('test_labels', 1), array('x', 2), array('y', 0)]);
    const found = await spec(await put(folder, 'both.npz', data));
    expect(await found.pixels(0, 1)).toEqual(Float32Array.of(2 / 255));
    const message = expect.stringMatching(/both\.npz x and y are read; left out: test_images and test_labels/);
    expect(found.notes).toMatchObject([{ code: 'npz-arrays', message }]);
  });

  it('says which arrays an .npz should have', async () => {
    const path = join(NPZ, 'stored.npz');
    await expectRefusal(
      spec(path, { split: 'train' }),
      path,
      /has no arrays x_train and y_train, .*or train_images and train_labels; it holds x_test, y_test/,
    );
    await expectRefusal(spec(path, { labels: path }), path, /leave "labels" out/);
  });

  it.each([
    ['alone.npy', encodeNpy(float32([1, 1, 1, 1])), /name the \.npy of their labels/],
    ['page.npy', '<html>Not Found</html>', /is a web page/],
    ['x.npy.gz', Buffer.from([0x1f, 0x8b, 8]), /compressed with gzip/],
    ['x.txt', '0.5 0.5', /is a text, not images/],
    ['x.raw', Buffer.of(1, 2, 3, 4), /is neither an \.npy nor an \.npz/],
    ['cut.npz', Buffer.from('PK\x03\x04 and no more', 'latin1'), /not a readable \.npz/],
  ])('%s: refused', async (name, bytes, what) => {
    const path = await put(folder, name, bytes);
    await expectRefusal(spec(path), path, what);
  });

  it('that are cut off, not there, or a folder', async () => {
    const labels = await put(folder, 'labels.npy', encodeNpy(int64([2], [0, 1])));
    const cut = await put(folder, 'cut.npy', encodeNpy(float32([2, 1, 1, 1])).subarray(0, -3));
    await expectRefusal(spec(cut, { labels }), cut, /takes 8 bytes, the file has 5: it is cut off/);
    const absent = join(folder, 'absent.npy');
    await expectRefusal(spec(absent, { labels }), absent, /there is no such file/);
    await expectRefusal(spec(labels, { labels: absent }), absent, /there is no such file/);
    await expectRefusal(spec(folder, { labels }), folder, /is a folder or a device/);
  });
});

describeWithShared('reference images', (reference) => {
  it('opens images and labels that PyTorch wrote', async () => {
    const golden = (name: string) => join(reference, 'goldens', `rn50-w8-c20.base.${name}.npy`);
    const dataset = await openDataset({ format: 'npy', path: golden('x'), labels: golden('y'), split: 'test' });
    expect(dataset.count).toBe(4);
    expect(dataset.imageShape[0]).toBe(3);
    expect((await dataset.pixels(0, 4)).every((pixel) => pixel >= 0 && pixel <= 1)).toBe(true);
  });
});
