import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../../src/datasets/open.ts';
import { DatasetError } from '../../../src/errors.ts';
import { describeWithShared } from '../../support/shared.ts';
import { expectRefusal, IMAGE_BYTES, imageBytes, put, records, tarGzOf, tarOf, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const DEMO = join(import.meta.dirname, '../../../examples/demo');
const asFloat = (bytes: Uint8Array) => Float32Array.from(bytes, (byte) => byte / 255);

const TRAIN = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`data_batch_${n}.bin`, records([n], [n - 1])]));
const CIFAR10 = {
  ...TRAIN,
  'test_batch.bin': records([9], [0], [4]),
  'batches.meta.txt': 'airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n',
};
const CIFAR100 = {
  'train.bin': records([1, 99], [2, 7]),
  'test.bin': records([19, 42]),
  'fine_label_names.txt': Array.from({ length: 100 }, (_, n) => `fine ${n}\n`).join(''),
};

/** The members as the published archive has them: in its folder, and not in order. */
function published(name: string, members: Readonly<Record<string, Uint8Array | string>>) {
  const entries = Object.entries(members).reverse();
  return tarGzOf({
    [`${name}/`]: '',
    ...Object.fromEntries(entries.map(([file, bytes]) => [`${name}/${file}`, bytes])),
  });
}

describe('a raw .bin', () => {
  it('of CIFAR-10 is label byte and planes', async () => {
    const path = await put(folder, 'raw10.bin', records([3], [9]));
    const dataset = await openDataset({ format: 'cifar10', path, split: 'test' });
    expect(dataset).toMatchObject({ count: 2, imageShape: [3, 32, 32], classes: 10 });
    expect(dataset.labels).toEqual(Int32Array.of(3, 9));
    expect(dataset.classNames?.[3]).toBe('cat');
    expect(await dataset.pixels(1, 1)).toEqual(asFloat(imageBytes(1)));
  });

  it('of CIFAR-100 has coarse and fine label; the fine one counts', async () => {
    const path = await put(folder, 'raw100.bin', records([3, 77], [9, 99]));
    const dataset = await openDataset({ format: 'cifar100', path, split: 'train' });
    expect(dataset).toMatchObject({ count: 2, classes: 100, classNames: undefined });
    expect(dataset.labels).toEqual(Int32Array.of(77, 99));
    expect(await dataset.gather([1])).toEqual(asFloat(imageBytes(1)));
  });

  it('takes its class names from a classes.txt beside it', async () => {
    const dataset = await openDataset({ format: 'cifar10', path: join(DEMO, 'test.bin'), split: 'test', limit: 20 });
    expect(dataset).toMatchObject({ count: 20, classes: 10 });
    expect(dataset.classNames).toEqual(readFileSync(join(DEMO, 'classes.txt'), 'utf8').trim().split('\n'));
  });

  it('may have as many classes as the classes.txt names', async () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    await put(own, 'classes.txt', 'cat\r\ndog\r\n\r\n');
    const path = await put(own, 'pets.bin', records([0], [1]));
    const dataset = await openDataset({ format: 'cifar10', path, split: 'test' });
    expect(dataset).toMatchObject({ classes: 2, classNames: ['cat', 'dog'] });
    const wrong = await put(own, 'birds.bin', records([0], [2]));
    await expectRefusal(openDataset({ format: 'cifar10', path: wrong, split: 'test' }), wrong, /image 1 has label 2/);
    await put(own, 'classes.txt', '\n \n');
    await expectRefusal(openDataset({ format: 'cifar10', path, split: 'test' }), path, /holds no class name/);
  });

  it('is what it is even where its first bytes look like gzip or a pickle', async () => {
    const own = join(folder, 'many');
    mkdirSync(own);
    await put(own, 'classes.txt', Array.from({ length: 256 }, (_, n) => `class ${n}`).join('\n'));
    const record = records([0x80]);
    record[1] = 2;
    const path = await put(own, 'many.bin', record);
    const dataset = await openDataset({ format: 'cifar10', path, split: 'test' });
    expect(dataset.labels).toEqual(Int32Array.of(128));
  });
});

describe('archives and folders', () => {
  it('reads cifar-10-binary.tar.gz, its batches in order', async () => {
    const path = await put(folder, 'cifar-10-binary.tar.gz', await published('cifar-10-batches-bin', CIFAR10));
    const train = await openDataset({ format: 'cifar10', path, split: 'train' });
    expect(train.labels).toEqual(Int32Array.of(1, 0, 2, 1, 3, 2, 4, 3, 5, 4));
    expect(await train.pixels(8, 2)).toEqual(asFloat(Buffer.concat([imageBytes(0), imageBytes(1)])));
    const test = await openDataset({ format: 'cifar10', path, split: 'test', limit: 2 });
    expect(test.labels).toEqual(Int32Array.of(9, 0));
    expect(test.classNames).toHaveLength(10);
  });

  it('reads cifar-100-binary.tar.gz', async () => {
    const path = await put(folder, 'cifar-100-binary.tar.gz', await published('cifar-100-binary', CIFAR100));
    const train = await openDataset({ format: 'cifar100', path, split: 'train' });
    expect(train.labels).toEqual(Int32Array.of(99, 7));
    expect(train.classNames?.[99]).toBe('fine 99');
    const test = await openDataset({ format: 'cifar100', path, split: 'test' });
    expect(test.labels).toEqual(Int32Array.of(42));
  });

  it('reads the folder an archive unpacks to', async () => {
    const path = join(folder, 'cifar-10-batches-bin');
    mkdirSync(path);
    for (const [name, bytes] of Object.entries(CIFAR10)) writeFileSync(join(path, name), bytes);
    const test = await openDataset({ format: 'cifar10', path, split: 'test' });
    expect(test.labels).toEqual(Int32Array.of(9, 0, 4));
    expect(await test.pixels(2, 1)).toEqual(asFloat(imageBytes(2)));
  });
});

describe('refusals', () => {
  const test = (path: string, format: 'cifar10' | 'cifar100' = 'cifar10') =>
    openDataset({ format, path, split: 'test' });

  it.each([
    ['cut.bin', records([1], [2]).subarray(0, 5000), /5000 bytes are 1 records of 3073 bytes.*and 1927 more.*cut off/],
    ['hundred.bin', records([1, 2], [2, 3]), /6148 bytes are 2 records.*and 2 more.*fit the format "cifar100"/],
    ['label.bin', records([1], [10]), /image 1 has label 10, but labels go from 0 to 9/],
    ['empty.bin', Buffer.alloc(0), /holds no images/],
    ['page.bin', '<!DOCTYPE html>\n<title>404</title>', /is a web page \(HTML\)/],
    ['page.tar.gz', '\n <html><body>Quota exceeded', /is a web page \(HTML\)/],
    ['cifar.zip', 'PK\x03\x04', /is a zip archive/],
    ['cifar.npy', Buffer.from('\x93NUMPY', 'latin1'), /its format is "npy"/],
    ['nothing.tar.gz', gzipSync(''), /it holds nothing/],
    [
      'text.tar.gz',
      gzipSync('no tar'.repeat(300)),
      /not a whole \.tar\.gz .*compressed alone has to be unpacked \(gunzip\)/,
    ],
  ])('%s', async (name, bytes, what) => {
    const path = await put(folder, name, bytes);
    await expectRefusal(test(path), path, what);
  });

  it('an archive with two files of one name', async () => {
    const two = await tarGzOf({ 'old/test_batch.bin': records([1]), 'new/test_batch.bin': records([2]) });
    const path = await put(folder, 'two.tar.gz', two);
    await expectRefusal(test(path), path, /holds "old\/test_batch.bin" and "new\/test_batch.bin"/);
  });

  it('a path that is not there, or goes through a file', async () => {
    await expectRefusal(test(join(folder, 'absent.bin')), folder, /absent\.bin: there is no such file/);
    const file = await put(folder, 'file', 'x');
    await expectRefusal(test(join(file, 'test.bin')), file, /not a folder/);
  });

  it('more images than there are', async () => {
    const path = await put(folder, 'three.bin', CIFAR10['test_batch.bin']);
    const asked = openDataset({ format: 'cifar10', path, split: 'test', limit: 4 });
    await expectRefusal(asked, path, /4 images were asked for, it holds 3/);
  });

  it('the archive of the other dataset, or one without a batch', async () => {
    const other = await put(folder, 'other.tar.gz', await published('cifar-100-binary', CIFAR100));
    await expectRefusal(test(other), other, /neither test_batch\.bin nor test_batch: it holds .*train\.bin/);
    const { 'data_batch_3.bin': _, ...rest } = CIFAR10 as Record<string, Uint8Array | string>;
    const partly = await put(folder, 'partly.tar.gz', await published('cifar-10-batches-bin', rest));
    const train = openDataset({ format: 'cifar10', path: partly, split: 'train' });
    await expectRefusal(train, partly, /it holds .*data_batch_5\.bin.*is the format right/);
    await expectRefusal(test(DEMO), DEMO, /it holds .*classes\.txt/);
  });

  it('class names that are not as many as the classes', async () => {
    const members = { ...CIFAR10, 'batches.meta.txt': 'airplane\nautomobile\n' };
    const path = await put(folder, 'names.tar.gz', await published('cifar-10-batches-bin', members));
    await expectRefusal(test(path), path, /batches\.meta\.txt: names 2 classes, cifar10 has 10/);
  });

  it('a member whose header claims more than any dataset holds', async () => {
    const archive = Buffer.from(await tarOf({ 'test_batch.bin': 'x' }));
    archive.write('77777777777', 124, 'latin1');
    let sum = 8 * 32;
    for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += archive[i]!;
    archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const path = await put(folder, 'claims.tar.gz', gzipSync(archive));
    await expectRefusal(test(path), path, /8589934591 bytes is more than/);
  });

  it('an archive cut anywhere, compressed or inside', async () => {
    const whole = await published('cifar-10-batches-bin', CIFAR10);
    const inside = gunzipSync(whole);
    const cut = async (bytes: Uint8Array) => {
      const path = await put(folder, 'cut.tar.gz', bytes);
      await expect(test(path)).rejects.toThrow(DatasetError);
    };
    for (let length = 2; length < whole.length; length += 97) await cut(whole.subarray(0, length));
    // The batch of the test split is near the start; where nothing but what follows it is cut, tar's own end is missing.
    for (let length = 1; length < inside.length - 1024; length += 1499) await cut(gzipSync(inside.subarray(0, length)));
  });

  it('no byte changed in an archive changes an image: gzip checks itself', async () => {
    const whole = await published('cifar-100-binary', CIFAR100);
    const change = fc.tuple(fc.integer({ min: 2, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(change, async ([at, bits]) => {
        const path = await put(folder, 'changed.tar.gz', whole.with(at, whole[at]! ^ bits));
        const result = await test(path, 'cifar100').catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(DatasetError);
        else expect(result).toMatchObject({ count: 1, labels: Int32Array.of(42) });
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});

describeWithShared('reference CIFAR-10', (reference) => {
  it.each([
    ['test_1000.bin', 1000],
    ['train_5000.bin', 5000],
  ])('%s', async (name, count) => {
    const path = join(reference, 'cifar10', name);
    const raw = readFileSync(path);
    const dataset = await openDataset({ format: 'cifar10', path, split: 'test' });
    expect(dataset.count).toBe(count);
    expect(dataset.classNames?.[0]).toBe('airplane');
    for (let image = 0; image < count; image += 37) {
      const record = raw.subarray(image * (IMAGE_BYTES + 1), (image + 1) * (IMAGE_BYTES + 1));
      expect(dataset.labels[image]).toBe(record[0]);
      const sum = (await dataset.pixels(image, 1)).reduce((total, pixel) => total + pixel * 255, 0);
      expect(sum).toBeCloseTo(
        record.subarray(1).reduce((total, byte) => total + byte, 0),
        1,
      );
    }
  });
});
