import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesOf, datasetOf, datasetReading, sampleByClass, subsetOf } from '../../../src/datasets/dataset.ts';
import { datasetDigest, digestOf } from '../../../src/datasets/digest.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import { put, temporaryFolder } from './support.ts';

const labels = Int32Array.from({ length: 300 }, (_, i) => (i * i) % 7);
const bytesNpy = (dims: number[], ...data: number[]) => encodeNpy({ type: 'uint8', dims, data: Uint8Array.from(data) });
const CLASSES = [...new Set(labels)];
const countOf = (indices: Iterable<number>, c: number) => Array.from(indices).filter((i) => labels[i] === c).length;

describe('a sample', () => {
  it('has the same share of every class, is ascending, and grows with the fraction by images alone', () => {
    const fraction = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fc.nat(100), (a, b, seed) => {
        const small = sampleByClass({ labels }, { fraction: Math.min(a, b), seed });
        const large = new Set(sampleByClass({ labels }, { fraction: Math.max(a, b), seed }));
        for (const c of CLASSES) {
          const whole = countOf(labels.keys(), c);
          expect(countOf(small, c)).toBe(Math.max(1, Math.round(Math.min(a, b) * whole)));
        }
        expect(small).toEqual([...small].sort((x, y) => x - y));
        expect(small.every((index) => large.has(index))).toBe(true);
      }),
      { seed: 3, numRuns: 20 },
    );
  });

  it('hangs on the seed', () => {
    const draw = (seed: number) => sampleByClass({ labels }, { fraction: 0.2, seed });
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('of named images does not hang on their order', () => {
    const names = Array.from(labels, (_, i) => `n${i}.png`);
    const sample = { fraction: 0.3, seed: 4 };
    const drawn = sampleByClass({ labels, names }, sample).map((index) => names[index]);
    const backwards = { labels: labels.toReversed(), names: names.toReversed() };
    const again = sampleByClass(backwards, sample).map((index) => backwards.names[index]);
    expect(again.sort()).toEqual(drawn.sort());
  });

  it('of a CIFAR file is its images, and another dataset than the whole', async () => {
    const whole = { format: 'cifar10', path: 'examples/demo/test.bin', split: 'test' } as const;
    const part = { ...whole, sample: { fraction: 0.1, seed: 5 } };
    const [all, some] = await Promise.all([openDataset(whole), openDataset(part)]);
    const indices = sampleByClass(all, part.sample);
    expect(some).toMatchObject({ count: indices.length, classes: 10, classNames: all.classNames });
    expect(await some.pixels(3, 2)).toEqual(await all.gather(indices.slice(3, 5)));
    expect(Array.from(some.labels)).toEqual(indices.map((index) => all.labels[index]));
    expect(await datasetDigest(whole)).toBe(await digestOf(whole.path));
    const others = [
      part,
      { ...part, sample: { fraction: 0.1, seed: 6 } },
      { ...part, sample: { fraction: 0.2, seed: 5 } },
    ];
    expect(new Set(await Promise.all([whole, ...others].map((spec) => datasetDigest(spec)))).size).toBe(4);
  });
});

it('a sample drawn by labels in a file of their own is another data set with other labels', async () => {
  const folder = temporaryFolder();
  const path = await put(folder, 'x.npy', bytesNpy([4, 1, 1, 1], 1, 2, 3, 4));
  const digests = [1, 2].map(async (label) => {
    const file = await put(folder, `y${label}.npy`, bytesNpy([4], 0, 0, label, label));
    return datasetDigest({ format: 'npy', path, labels: file, split: 'train', sample: { fraction: 0.5, seed: 0 } });
  });
  expect(new Set(await Promise.all(digests)).size).toBe(2);
});

describe('a subset', () => {
  it('is numbered anew', async () => {
    const parts = {
      pixels: Uint8Array.from(labels, (_, i) => i % 256),
      imageShape: [1, 1, 1] as const,
      labels,
      classes: 7,
    };
    const subset = subsetOf(datasetOf(parts, undefined, 'here'), [255, 51, 0]);
    expect(await subset.gather([1, 0])).toEqual(Float32Array.of(51 / 255, 1));
    await expect(subset.pixels(2, 2)).rejects.toThrow(RangeError);
  });
});

describe('batches', () => {
  const facts = { imageShape: [1, 1, 1] as const, labels: labels.slice(0, 7), classes: 7 };

  it('cover a dataset in order, the last one shorter, read one ahead', async () => {
    const reads: number[] = [];
    const dataset = datasetReading(facts, async (indices, images) => {
      reads.push(indices[0] ?? -1);
      images.set(indices);
    });
    const seen: [number, number[], number[], number[]][] = [];
    for await (const { first, count, x, labels: own } of batchesOf(dataset, 3)) {
      expect(x.length).toBe(count);
      seen.push([first, Array.from(x), Array.from(own), [...reads]]);
    }
    expect(seen.map(([first, x, , read]) => [first, x, read])).toEqual([
      [0, [0, 1, 2], [0, 3]],
      [3, [3, 4, 5], [0, 3, 6]],
      [6, [6], [0, 3, 6]],
    ]);
    expect(seen.flatMap(([, , own]) => own)).toEqual(Array.from(facts.labels));
  });

  it('fail where a read does, and not where nobody waits for it', async () => {
    const failing = datasetReading(facts, async (indices) => {
      if (indices.includes(3)) throw new Error('unreadable');
    });
    const firsts: number[] = [];
    await expect(async () => {
      for await (const { first } of batchesOf(failing, 3)) firsts.push(first);
    }).rejects.toThrow('unreadable');
    expect(firsts).toEqual([0]);
    for await (const _ of batchesOf(failing, 3)) break;
  });
});
