import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { DatasetSpec } from '../../../src/datasets/dataset.ts';
import { datasetDigest } from '../../../src/datasets/digest.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { expectRefusal, put, temporaryFolder } from './support.ts';

const folder = temporaryFolder();

/** An idx file as http://yann.lecun.com/exdb/mnist describes it. */
function idx(dims: readonly number[], elements: Uint8Array, type = 8): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.set([0, 0, type, dims.length]);
  for (const [axis, dim] of dims.entries()) header.writeUInt32BE(dim, 4 + 4 * axis);
  return Buffer.concat([header, elements]);
}

const PIXELS = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => i * 10);
const IMAGES = idx([3, 2, 4], PIXELS);
const LABELS = idx([3], Uint8Array.of(7, 0, 9));

function own(name: string): string {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}

const open = (path: string, more: Partial<DatasetSpec<'idx'>> = {}) =>
  openDataset({ format: 'idx', path, split: 'test', ...more });

describe('idx files', () => {
  it.each([
    ['t10k-images-idx3-ubyte', IMAGES, 't10k-labels-idx1-ubyte', LABELS],
    ['t10k-images-idx3-ubyte.gz', gzipSync(IMAGES), 't10k-labels-idx1-ubyte.gz', gzipSync(LABELS)],
    ['train-images.idx3-ubyte', IMAGES, 'train-labels-idx1-ubyte.gz', gzipSync(LABELS)],
  ])('%s and the labels beside it', async (name, images, labelsName, labels) => {
    const place = own(`beside ${name}`);
    const path = await put(place, name, images);
    await expectRefusal(
      open(path),
      path,
      /no labels beside it \(.*labels-idx1-ubyte\); name their file: "testLabels".* --labels/,
    );
    await put(place, labelsName, labels);
    const dataset = await open(path);
    expect(dataset).toMatchObject({ count: 3, imageShape: [1, 2, 4], classes: 10, labels: Int32Array.of(7, 0, 9) });
    expect(await dataset.pixels(1, 2)).toEqual(Float32Array.from(PIXELS.subarray(8), (byte) => byte / 255));
    expect(dataset.notes).toEqual([
      { code: 'labels-beside', message: `labels of ${path} are those of ${labelsName} beside it` },
    ]);
    expect((await open(path, { limit: 1 })).labels).toEqual(Int32Array.of(7));
  });

  it('with labels that are named', async () => {
    const place = own('named');
    const path = await put(place, 'digits', IMAGES);
    await expectRefusal(open(path), path, /no labels beside it/);
    const labels = await put(place, 'classes-of-digits', LABELS);
    const dataset = await open(path, { labels });
    expect(dataset).toMatchObject({ labels: Int32Array.of(7, 0, 9), notes: [] });
    await expectRefusal(open(labels, { labels }), labels, /is a file of labels; give that of the images/);
    await expectRefusal(open(path, { labels: path }), path, /labels of uint8 \[3, 2, 4\]/);
    const short = await put(place, 'short', idx([2], Uint8Array.of(1, 2)));
    await expectRefusal(open(path, { labels: short }), path, /3 images but 2 labels/);
  });

  it('of a folder, by the split', async () => {
    const place = own('raw');
    await put(place, 't10k-images-idx3-ubyte', IMAGES);
    await put(place, 't10k-images-idx3-ubyte.gz', gzipSync(IMAGES));
    await put(place, 't10k-labels-idx1-ubyte', LABELS);
    await put(place, 'train-images-idx3-ubyte', idx([1, 2, 4], PIXELS.subarray(0, 8)));
    await put(place, 'train-labels-idx1-ubyte', idx([1], Uint8Array.of(5)));
    expect((await open(place)).count).toBe(3);
    expect((await open(place, { split: 'train' })).labels).toEqual(Int32Array.of(5));
    await put(place, 'kmnist-train-images-idx3-ubyte', IMAGES);
    await expectRefusal(
      open(place, { split: 'train' }),
      place,
      /train set .*: kmnist-train-images-idx3-ubyte, train-images/,
    );
    await expectRefusal(open(own('nothing')), folder, /test set .*: none; give the file itself/);
  });

  it('of EMNIST are read as they are stored, and said to be transposed', async () => {
    const place = own('emnist');
    const path = await put(place, 'emnist-letters-test-images-idx3-ubyte', IMAGES);
    await put(place, 'emnist-letters-test-labels-idx1-ubyte', LABELS);
    const { notes } = await open(path);
    expect(notes?.map(({ code }) => code)).toEqual(['labels-beside', 'emnist-transposed']);
    expect(notes?.[1]?.message).toContain('x.transpose(0, 1, 3, 2)');
  });

  it('of other elements are big-endian', async () => {
    const place = own('floats');
    const floats = Buffer.alloc(8);
    for (const [i, value] of [0.25, 1].entries()) floats.writeFloatBE(value, 4 * i);
    const path = await put(place, 'x', idx([1, 1, 1, 2], floats, 0x0d));
    const numbers = Buffer.alloc(4);
    numbers.writeInt32BE(258);
    const labels = await put(place, 'y', idx([1], numbers, 0x0c));
    const dataset = await open(path, { labels });
    expect(dataset).toMatchObject({ imageShape: [1, 1, 2], labels: Int32Array.of(258) });
    expect(await dataset.pixels(0, 1)).toEqual(Float32Array.of(0.25, 1));
    const integers = await put(place, 'z', idx([1, 1, 1, 2], Buffer.alloc(8), 0x0c));
    await expectRefusal(open(integers, { labels }), integers, /images of int32 .*x\.astype\("uint8"\)/);
  });

  it('have an identity of images and labels', async () => {
    const place = own('identity');
    const path = await put(place, 'train-images-idx3-ubyte', IMAGES);
    await put(place, 'train-labels-idx1-ubyte', LABELS);
    const spec = { format: 'idx', path, split: 'test' } as const;
    const before = await datasetDigest(spec);
    const other = await put(place, 'other-labels', idx([3], Uint8Array.of(7, 0, 8)));
    expect(await datasetDigest({ ...spec, labels: other })).not.toBe(before);
    expect(await datasetDigest({ ...spec, labels: join(place, 'train-labels-idx1-ubyte') })).toBe(before);
  });
});

describe('idx files that are not what they say', () => {
  const huge = idx([2 ** 32 - 1, 2 ** 16, 2 ** 16], Buffer.alloc(100));

  it.each([
    ['cut', IMAGES.subarray(0, -1), /takes 24 bytes, the file has 23: it is cut off/],
    ['cut in its header', IMAGES.subarray(0, 11), /the idx header is cut off/],
    ['too long', Buffer.concat([IMAGES, Buffer.of(0)]), /the file has 25: it holds more/],
    ['huge', huge, /takes .* bytes, the file has 100: it is cut off/],
    ['huge and compressed', gzipSync(huge), /says that it holds .* bytes, which it cannot/],
    [
      'more than it says, compressed',
      gzipSync(Buffer.concat([IMAGES, Buffer.alloc(2 ** 20)])),
      /holds more than its header says/,
    ],
    ['compressed and cut', gzipSync(IMAGES).subarray(0, -9), /is cut off; get it again/],
    ['compressed and damaged', gzipSync(IMAGES).fill(0x55, 14, 30), /is damaged \(|is cut off/],
    ['another type', idx([3, 2, 4], PIXELS, 10), /is no idx file, as MNIST's are/],
    ['none', idx([0, 28, 28], Buffer.alloc(0)), /images of uint8 \[0, 28, 28\] cannot be used; it holds nothing/],
    ['a page, compressed', gzipSync('<!DOCTYPE html><title>404</title>'), /unpacked: is a web page/],
    ['a pointer', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), /git lfs pull/],
  ])('%s: refused', async (name, bytes, what) => {
    const path = await put(folder, name, bytes);
    const labels = await put(folder, 'labels', LABELS);
    await expectRefusal(open(path, { labels }), path, what);
  });
});
