import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DatasetSpec } from '../../../src/datasets/dataset.ts';
import { datasetDigest } from '../../../src/datasets/digest.ts';
import { formatByName } from '../../../src/datasets/format-by-name.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { surveyImages } from '../../../src/datasets/survey.ts';
import { decodeNpy } from '../../../src/numeric/npy.ts';
import { toNumbers } from '../../../src/numeric/tensor.ts';
import { expectRefusal, temporaryFolder } from './support.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/parquet');
const folder = temporaryFolder();
const fixture = (name: string) => join(FIXTURES, name);
const numbers = (name: string) => toNumbers(decodeNpy(readFileSync(fixture(name)), name));
const specOf = (path: string, options: Partial<DatasetSpec<'parquet'>> = {}) =>
  ({ format: 'parquet', path, split: 'test', ...options }) as const;
const open = (name: string, options?: Partial<DatasetSpec<'parquet'>>) => openDataset(specOf(fixture(name), options));

/** [6, 3, 5, 4] */
const PIXELS = Float32Array.from(numbers('images.npy'), (byte) => byte / 255);
const SIZE = 60;

describe('a Parquet file of encoded images', () => {
  it.each(['snappy.parquet', 'plain.parquet', 'gzip.parquet', 'shards'])(
    '%s holds the pixels and labels that were written',
    async (name) => {
      const dataset = await open(name);
      expect(dataset).toMatchObject({ count: 6, classes: 3, imageShape: [3, 5, 4] });
      expect([...dataset.labels]).toEqual(numbers('labels.npy'));
      expect(await dataset.pixels(0, 6)).toEqual(PIXELS);
      expect(await dataset.gather([5, 0])).toEqual(
        Float32Array.from([...PIXELS.subarray(5 * SIZE), ...PIXELS.subarray(0, SIZE)]),
      );
    },
  );

  it('takes the names of its classes from what Hugging Face writes, and else their number from the labels', async () => {
    expect((await open('snappy.parquet')).classNames).toEqual(['ant', 'bee', 'cat']);
    expect((await open('plain.parquet')).classNames).toBeUndefined();
  });

  it('is cut, sampled and preprocessed like other data sets', async () => {
    expect((await open('shards', { limit: 5 })).count).toBe(5);
    expect((await open('shards', { sample: { fraction: 0.5, seed: 0 } })).count).toBe(3);
    expect((await open('snappy.parquet', { preprocessing: 'Res224' })).imageShape).toEqual([3, 224, 224]);
  });

  it('is told by its name', () => {
    expect(['x.parquet', 'x.npz', 'cifar-10-batches-bin', 't10k-images-idx3-ubyte.gz'].map(formatByName)).toEqual([
      'parquet',
      'npy',
      'cifar10',
      'idx',
    ]);
  });

  it('has an identity of its bytes, columns and preprocessing', async () => {
    const copy = join(folder, 'copy.parquet');
    writeFileSync(copy, readFileSync(fixture('snappy.parquet')));
    const digests = await Promise.all([
      datasetDigest(specOf(copy)),
      datasetDigest(specOf(fixture('gzip.parquet'))),
      datasetDigest(specOf(copy, { preprocessing: 'Res224' })),
      datasetDigest(specOf(copy, { labelColumn: 'label' })),
      datasetDigest(specOf(fixture('shards'))),
    ]);
    expect(new Set(digests).size).toBe(5);
    expect(await datasetDigest(specOf(fixture('snappy.parquet')))).toBe(digests[0]);
  });

  it('asks which column is meant where several could be', async () => {
    await expectRefusal(
      open('two-labels.parquet'),
      fixture('two-labels.parquet'),
      /columns of whole numbers: "label", "coarse"; name one as "labelColumn"/,
    );
    const coarse = await open('two-labels.parquet', { labelColumn: 'coarse' });
    expect([...coarse.labels]).toEqual([1, 0, 0, 0, 1, 0]);
    await expectRefusal(
      open('snappy.parquet', { imageColumn: 'label' }),
      fixture('snappy.parquet'),
      /"label" is no column of encoded images; there is "img"/,
    );
  });

  it.each([
    ['unlabelled.parquet', /row 0: has label -1/],
    ['wide-labels.parquet', /row 0: label 4294967297 is no class/],
    ['paths-only.parquet', /row 0 holds no image, only its path or nothing/],
    ['empty-first.parquet', /row 0: is empty; get it again/],
    ['zstd.parquet', /is compressed by ZSTD/],
    ['images.npy', /is a .npy; its format is "npy"/],
  ])('%s is refused', async (name, message) => {
    await expectRefusal(open(name), fixture(name), message);
  });

  it('is refused for an image that is cut off when it is looked at for copies, before anything is computed', async () => {
    const spec = specOf(fixture('cut.parquet'));
    const dataset = await openDataset(spec);
    await expectRefusal(surveyImages(spec, dataset), fixture('cut.parquet'), /row 5: is cut off; get it again/);
    const whole = specOf(fixture('snappy.parquet'));
    expect(await surveyImages(whole, await openDataset(whole))).toEqual({ copies: [], notes: [] });
  });

  it('says which images are grey PNGs of 16 bits, which PIL reads otherwise', async () => {
    const spec = specOf(fixture('deep-grey.parquet'));
    const { notes } = await surveyImages(spec, await openDataset(spec));
    expect(notes).toMatchObject([{ code: 'deep-grey', message: expect.stringContaining('6 of the images are grey') }]);
  });

  it('is refused where it is cut, and where a folder holds none', async () => {
    const cut = join(folder, 'cut.parquet');
    writeFileSync(cut, readFileSync(fixture('snappy.parquet')));
    truncateSync(cut, 2000);
    await expectRefusal(openDataset(specOf(cut)), cut, /is no Parquet file, or damaged/);
    await expectRefusal(openDataset(specOf(join(folder, 'none'))), folder, /there is no such file or folder/);
    await expectRefusal(openDataset(specOf(fixture('../npy'))), fixture('../npy'), /holds no \.parquet file/);
  });
});

describe('a folder of Parquet files', () => {
  const [FIRST, SECOND] = ['shards/test-00000-of-00002.parquet', 'shards/test-00001-of-00002.parquet'];
  const read = (name: string) => readFileSync(fixture(name));
  const folderOf = (name: string, files: Readonly<Record<string, Uint8Array>>) => {
    mkdirSync(join(folder, name));
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, name, file), bytes);
    return join(folder, name);
  };

  it('with several splits gives the images of one, and says so', async () => {
    for (const [set, test, train] of [
      ['sharded', 'test-00000-of-00001', 'train-00000-of-00001'],
      ['named', 'mnist-test', 'mnist-train'],
    ] as const) {
      const path = folderOf(set, { [`${test}.parquet`]: read(SECOND), [`${train}.parquet`]: read(FIRST) });
      const dataset = await openDataset(specOf(path));
      expect([...dataset.labels]).toEqual([2, 0]);
      expect(dataset.notes).toMatchObject([{ code: 'other-splits', message: expect.stringContaining(train) }]);
      expect((await openDataset(specOf(path, { split: 'train' }))).count).toBe(4);
      const digests = [await datasetDigest(specOf(path)), await datasetDigest(specOf(join(path, `${test}.parquet`)))];
      expect(digests[0]).toBe(digests[1]);
    }
  });

  it('with several sets of which none is of the split is refused', async () => {
    const name = (set: string) => `${set}-00000-of-00001.parquet`;
    const path = folderOf('no-test', { [name('train')]: read(FIRST), [name('validation')]: read(SECOND) });
    await expectRefusal(openDataset(specOf(path)), path, /holds files of several sets .*none is of the test split/);
  });

  it('in which a shard is missing is a part, and said to be one', async () => {
    const path = folderOf('part', {
      'test-00000-of-00003.parquet': read(FIRST),
      'test-00002-of-00003.parquet': read(SECOND),
    });
    expect((await openDataset(specOf(path))).notes).toMatchObject([
      {
        code: 'missing-shards',
        message: expect.stringContaining('has 2 of the 3 files of "test" (test-00001-of-00003'),
      },
    ]);
    expect((await open('shards')).notes).toEqual([]);
  });

  it('whose files have their classes in another order, or other columns, is refused', async () => {
    const turned = Buffer.from(read(SECOND).toString('latin1').replace('"ant", "bee"', '"bee", "ant"'), 'latin1');
    const classes = folderOf('classes', { '0000.parquet': read(FIRST), '0001.parquet': turned });
    await expectRefusal(openDataset(specOf(classes)), join(classes, '0001.parquet'), /class 0 is "bee", in .* "ant"/);
    const columns = folderOf('columns', {
      '0000.parquet': read('plain.parquet'),
      '0001.parquet': Buffer.from(read('plain.parquet').toString('latin1').replaceAll('label', 'digit'), 'latin1'),
    });
    const why = /its columns are "img" and "digit", those of .* "img" and "label"/;
    await expectRefusal(openDataset(specOf(columns)), join(columns, '0001.parquet'), why);
  });

  it('a column of whole numbers that is not called a label is taken for one, and said', async () => {
    const renamed = Buffer.from(read('plain.parquet').toString('latin1').replaceAll('label', 'width'), 'latin1');
    const path = join(folder, 'width.parquet');
    writeFileSync(path, renamed);
    expect((await openDataset(specOf(path))).notes).toMatchObject([{ code: 'label-column' }]);
    expect((await openDataset(specOf(path, { labelColumn: 'width' }))).notes).toEqual([]);
    expect((await open('plain.parquet')).notes).toEqual([]);
  });
});
