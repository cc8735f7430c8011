import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readImages } from '../../../src/index.ts';
import { golden } from '../../support/golden.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { expectRefusal } from './support.ts';

const CIFAR = 'examples/demo/test.bin';

describe('readImages', () => {
  test('reads a CIFAR file from an image on, with indices in the file', async () => {
    const whole = await readImages(CIFAR, { count: 5 });
    const part = await readImages(CIFAR, { first: 2, count: 3 });
    expect(whole.notes).toEqual([]);
    expect(whole).toMatchObject({ imageShape: [3, 32, 32], indices: [0, 1, 2, 3, 4] });
    expect(part.indices).toEqual([2, 3, 4]);
    expect(part.images).toEqual(whole.images.slice(2 * 3072));
    expect(part.labels).toEqual(whole.labels.slice(2));
    expect(whole.images.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  test('says what it took for granted', async () => {
    const folder = temporaryFolder('igd-idx-');
    const write = (name: string, bytes: readonly number[]) => writeFileSync(join(folder, name), Uint8Array.from(bytes));
    write('t10k-images-idx3-ubyte', [...[0, 0, 8, 3], ...[0, 0, 0, 1], ...[0, 0, 0, 1], ...[0, 0, 0, 2], ...[0, 255]]);
    write('t10k-labels-idx1-ubyte', [...[0, 0, 8, 1], ...[0, 0, 0, 1], 7]);
    const { images, labels, notes } = await readImages(join(folder, 't10k-images-idx3-ubyte'));
    expect([[...images], [...labels]]).toEqual([[0, 1], [7]]);
    expect(notes).toEqual([expect.stringContaining('t10k-labels-idx1-ubyte')]);
  });

  test('tells .npy by its name', async () => {
    const path = 'test/fixtures/onnx/images.npy';
    const { dims } = golden(path);
    await expectRefusal(() => readImages(path), /label/);
    expect(dims).toHaveLength(4);
  });

  test.each<[string, string, object, RegExp]>([
    ['a file that is not there', 'missing.bin', {}, /missing\.bin/],
    ['more than there are', CIFAR, { count: 1_000_000 }, /1000000 images were asked for/],
    ['an unknown format', CIFAR, { format: 'png' }, /format is "png": give one of cifar10/],
    ['an option of another format', CIFAR, { list: 'list.txt' }, /go with format "imagefolder"/],
    ['labels beside a CIFAR file', CIFAR, { labels: 'labels.npy' }, /"labels" goes with format "npy" or "idx"/],
    ['a severity beside a CIFAR file', CIFAR, { severity: 3 }, /"severity" goes with format "npy"/],
    ['a severity that is none', 'fog.npy', { severity: 6 }, /severity is 6: give a whole number from 1 to 5/],
    ['a misspelt option', CIFAR, { limit: 3 }, /readImages has no option "limit"/],
  ])('refuses %s', (_, path, options, message) =>
    expectRefusal(() => Reflect.apply(readImages, undefined, [path, options]), message),
  );
});
