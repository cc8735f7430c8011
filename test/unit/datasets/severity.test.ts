import { describe, expect, it } from 'vitest';
import { datasetDigest, digestOf } from '../../../src/datasets/digest.ts';
import { readNpyDataset } from '../../../src/datasets/npy-dataset.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import type { Tensor } from '../../../src/numeric/tensor.ts';
import { expectRefusal, put, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const LABELS = [3, 1, 4];

/** Arrays as CIFAR-10-C's, of `each` images under five severities: bytes [N, 2, 1, 3] that say which image and severity they are of. */
async function arrays(name: string, each: readonly number[], changes: (labels: Uint8Array) => Uint8Array = (y) => y) {
  const count = 5 * each.length;
  const data = Uint8Array.from({ length: count * 6 }, (_, i) => Math.floor(i / 6) % 256);
  const images: Tensor = { type: 'uint8', dims: [count, 2, 1, 3], data };
  const y = changes(Uint8Array.from({ length: count }, (_, i) => each[i % each.length]!));
  const path = await put(folder, `${name}.npy`, encodeNpy(images));
  const labels = await put(folder, `${name}-labels.npy`, encodeNpy({ type: 'uint8', dims: [y.length], data: y }));
  return { format: 'npy', path, labels, split: 'test' } as const;
}

describe('a severity of images that are there under five', () => {
  it.each([1, 3, 5])(
    '%d: is its fifth, numbered from 0, whether the file is read whole or in part',
    async (severity) => {
      const spec = { ...(await arrays('fog', LABELS)), severity };
      for (const wholeBytes of [1, 2 ** 20]) {
        const dataset = await readNpyDataset(spec, wholeBytes);
        expect(dataset).toMatchObject({ count: 3, labels: Int32Array.from(LABELS), imageShape: [3, 2, 1] });
        const first = (severity - 1) * 3;
        const bytes = (await dataset.pixels(0, 3)).map((value) => Math.round(value * 255));
        expect([bytes[0], bytes[6], bytes[12]]).toEqual([first, first + 1, first + 2]);
        await expect(dataset.gather([3])).rejects.toThrow(RangeError);
      }
      expect(await readNpyDataset({ ...spec, limit: 2 })).toMatchObject({ count: 2, labels: Int32Array.of(3, 1) });
      await expectRefusal(readNpyDataset({ ...spec, limit: 4 }), spec.path, /4 images were asked for, it holds 3/);
    },
  );

  it('with labels of one severity is told how to repeat them', async () => {
    const spec = { ...(await arrays('frost', LABELS, () => Uint8Array.from(LABELS))), severity: 2 };
    await expectRefusal(
      readNpyDataset(spec),
      spec.path,
      /15 images but 3 labels; of five severities .*numpy\.tile\(y, 5\)/,
    );
  });

  it('has an identity of its own, and files without one keep theirs', async () => {
    const spec = await arrays('snow', LABELS);
    expect(await datasetDigest(spec)).toBe(await digestOf(spec.path));
    const digests = await Promise.all([1, 2].map((severity) => datasetDigest({ ...spec, severity })));
    expect(new Set([...digests, await digestOf(spec.path)]).size).toBe(3);
  });

  it('is refused where images are not the same ones under each', async () => {
    const spec = { ...(await arrays('odd', LABELS, (y) => y.fill(9, 14))), severity: 2 };
    for (const wholeBytes of [1, 2 ** 20])
      await expectRefusal(
        readNpyDataset(spec, wholeBytes),
        spec.path,
        /its labels do not repeat.*leave "severity" out/,
      );
    const data = new Uint8Array(7 * 3);
    const path = await put(folder, 'seven.npy', encodeNpy({ type: 'uint8', dims: [7, 3, 1, 1], data }));
    const y = await put(folder, 'y.npy', encodeNpy({ type: 'uint8', dims: [7], data: new Uint8Array(7) }));
    const seven = readNpyDataset({ format: 'npy', path, labels: y, split: 'test', severity: 1 });
    await expectRefusal(seven, path, /7 cannot be divided by 5/);
  });
});

describe('a file of CIFAR-10-C without a severity', () => {
  const each = Array.from({ length: 10_000 }, (_, i) => ((i * 7) % 11) % 10);

  it('is taken whole, as ever, and said to be five severities', async () => {
    const spec = await arrays('blur', each);
    const dataset = await readNpyDataset(spec);
    expect(dataset.count).toBe(50_000);
    expect(dataset.notes).toMatchObject([{ code: 'severities', message: /these are severities 1 to 5 together/ }]);
    const [first, second] = await Promise.all([10_000, 10_001].map((limit) => readNpyDataset({ ...spec, limit })));
    expect(first?.notes?.[0]?.message).toContain('these are severity 1 alone');
    expect(second?.notes?.[0]?.message).toContain('these are severities 1 to 2 together');
    expect((await readNpyDataset({ ...spec, severity: 4 })).notes).toEqual([]);
  });

  it('is not suspected where labels do not repeat, or images are others', async () => {
    expect((await readNpyDataset(await arrays('train', each, (y) => y.fill(9, 49_990)))).notes).toEqual([]);
    expect((await readNpyDataset(await arrays('few', LABELS))).notes).toEqual([]);
  });
});
