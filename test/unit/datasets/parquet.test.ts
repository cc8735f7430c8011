import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
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

  it('is refused where it is cut, and where a folder holds none', async () => {
    const cut = join(folder, 'cut.parquet');
    writeFileSync(cut, readFileSync(fixture('snappy.parquet')));
    truncateSync(cut, 2000);
    await expectRefusal(openDataset(specOf(cut)), cut, /is no Parquet file, or damaged/);
    await expectRefusal(openDataset(specOf(join(folder, 'none'))), folder, /there is no such file or folder/);
    await expectRefusal(openDataset(specOf(fixture('../npy'))), fixture('../npy'), /holds no \.parquet file/);
  });
});
