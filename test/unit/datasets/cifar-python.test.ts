import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/datasets/dataset.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { DatasetError } from '../../../src/errors.ts';
import { expectRefusal, FIXTURES, IMAGE_BYTES, put, tarGzOf, temporaryFolder } from './support.ts';

const folder = temporaryFolder();

interface Expected {
  readonly labels: number[];
  readonly sums: number[];
  readonly samples: number[][];
}

const expected: Record<'cifar10' | 'cifar100', Record<'train' | 'test', Expected>> = JSON.parse(
  readFileSync(join(FIXTURES, 'expected.json'), 'utf8'),
);
const FOLDERS = { cifar10: 'cifar-10-batches-py', cifar100: 'cifar-100-python' } as const;

/** What make.py wrote about the same images. */
async function describeImages(dataset: Dataset): Promise<Expected> {
  const images: number[][] = [];
  for (let i = 0; i < dataset.count; i++)
    images.push(Array.from(await dataset.pixels(i, 1), (pixel) => Math.round(pixel * 255)));
  return {
    labels: Array.from(dataset.labels),
    sums: images.map((image) => image.reduce((sum, byte) => sum + byte, 0)),
    samples: images.map((image) => image.filter((_, place) => place % 700 === 0)),
  };
}

describe.each(['cifar10', 'cifar100'] as const)('%s, python version', (format) => {
  it.each(['train', 'test'] as const)('reads the %s images of the folder', async (split) => {
    const dataset = await openDataset({ format, path: join(FIXTURES, FOLDERS[format]), split });
    expect(await describeImages(dataset)).toEqual(expected[format][split]);
    expect(dataset.imageShape).toEqual([3, 32, 32]);
  });

  it.each(['train', 'test'] as const)('reads the %s images of the archive', async (split) => {
    const from = join(FIXTURES, FOLDERS[format]);
    const members = readdirSync(from).map((name) => [`${FOLDERS[format]}/${name}`, readFileSync(join(from, name))]);
    const path = await put(folder, `${format}.tar.gz`, await tarGzOf(Object.fromEntries(members)));
    expect(await describeImages(await openDataset({ format, path, split }))).toEqual(expected[format][split]);
  });
});

describe('class names', () => {
  it('are those of batches.meta and meta', async () => {
    const ten = await openDataset({ format: 'cifar10', path: join(FIXTURES, FOLDERS.cifar10), split: 'test' });
    expect(ten.classNames?.slice(-2)).toEqual(['ship', 'truck']);
    const hundred = await openDataset({ format: 'cifar100', path: join(FIXTURES, FOLDERS.cifar100), split: 'test' });
    expect(hundred.classNames?.[42]).toBe('fine class 42');
  });

  it('are refused where the file has none', async () => {
    const own = join(folder, 'names');
    mkdirSync(own);
    await put(own, 'test_batch', readFileSync(join(FIXTURES, FOLDERS.cifar10, 'test_batch')));
    await put(own, 'batches.meta', readFileSync(join(FIXTURES, FOLDERS.cifar100, 'meta')));
    const asked = openDataset({ format: 'cifar10', path: own, split: 'test' });
    await expectRefusal(asked, own, /batches\.meta: has no list of class names named "label_names"/);
  });
});

describe('one batch by itself', () => {
  const open = (path: string) => openDataset({ format: 'cifar10', path, split: 'test' });

  it.each([
    join(FOLDERS.cifar10, 'test_batch'),
    'python2-protocol0',
    'python3-protocol0',
    'python3-protocol1',
    'python3-protocol2',
    'python3-protocol3',
    'python3-protocol4',
    'python3-protocol5',
    'fortran',
    'own-planes',
    'own-channels-last',
    'own-transposed',
    'own-fortran',
  ])('%s', async (name) => {
    expect(await describeImages(await open(join(FIXTURES, name)))).toEqual(expected.cifar10.test);
  });

  it.each([
    ['hostile', /would run "(os|posix)\.system"/],
    ['no-data', /has no "data" that is an array of uint8.*its keys are labels/],
    ['labels-too-many', /has no list of 1 labels named "labels", but one of \d+ .*its keys are .*Else pickle/],
    ['labels-of-text', /has no list of 1 labels named "labels"/],
    ['labels-out-of-range', /image 0 has label 10/],
    ['data-of-floats', /has no "data" that is an array of uint8/],
    ['data-too-narrow', /has no "data" that is an array of uint8/],
    ['a-list', /not of a dict/],
    ['data-of-int64', /has no "data" .*but one of int64 \[1, 3, 32, 32\]/],
    ['data-of-objects', /has no "data" that is an array of uint8/],
    ['labels-one-hot', /has no list of 1 labels named "labels"/],
    ['label-beyond-32-bits', /has no list of 1 labels named "labels"/],
    ['labels-of-truth', /has no list of 1 labels named "labels"/],
  ])('broken: %s', async (name, what) => {
    const path = join(FIXTURES, `broken-${name}`);
    await expectRefusal(open(path), path, what);
    expect(existsSync('PWNED-BY-PICKLE')).toBe(false);
  });

  it('of the other dataset has no labels by that name', async () => {
    const path = join(FIXTURES, FOLDERS.cifar100, 'test');
    await expectRefusal(
      open(path),
      path,
      /has no list of 1 labels named "labels"; its keys are .*fine_labels.*; is the format right/,
    );
  });

  it('cut or changed anywhere is read or refused, never a raw error', async () => {
    const whole = new Uint8Array(readFileSync(join(FIXTURES, FOLDERS.cifar100, 'test')));
    const data = whole.length - IMAGE_BYTES;
    const read = async (bytes: Uint8Array) => {
      const path = await put(folder, 'damaged', bytes);
      const result = await openDataset({ format: 'cifar100', path, split: 'test' }).catch((error: unknown) => error);
      if (result instanceof Error) expect(result).toBeInstanceOf(DatasetError);
    };
    for (let length = 0; length < data; length++) await read(whole.subarray(0, length));
    const changes = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 4 }), async (list) => {
        const bytes = whole.slice();
        for (const [at, value] of list) bytes[at < IMAGE_BYTES ? at % data : at] = value;
        await read(bytes);
      }),
      { seed: 13, numRuns: 500 },
    );
    rmSync(join(folder, 'damaged'));
  });
});
