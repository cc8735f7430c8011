import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import type { Dataset } from '../../../src/datasets/dataset.ts';
import { readNpyDataset } from '../../../src/datasets/npy-dataset.ts';
import { npzMember, requireMemory } from '../../../src/datasets/npz.ts';
import { surveyImages } from '../../../src/datasets/survey.ts';
import { DatasetError } from '../../../src/errors.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import type { Tensor } from '../../../src/numeric/tensor.ts';
import { FileMemory } from '../../../src/stores/file-memory.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { type ZipRecord, zip } from '../checkpoints/support/zip.ts';

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

/** Asked for one after the other, back and forth. */
const SOME = [2, 3, 4, 6, 0, 6];

async function expectSame(large: Dataset, whole: Dataset): Promise<void> {
  const { pixels: _p, gather: _g, stored, ...facts } = large;
  expect(whole).toMatchObject(facts);
  const { count } = whole;
  expect(await large.pixels(0, count)).toEqual(await whole.pixels(0, count));
  const some = SOME.filter((index) => index < count);
  expect(await large.gather(some)).toEqual(await whole.gather(some));
  const spec = { format: 'npy', path: '', split: 'test' } as const;
  const survey = await surveyImages(spec, whole);
  expect(await surveyImages(spec, large)).toEqual(survey);
  // By their bytes as by their floats.
  if (stored !== undefined) expect(await surveyImages(spec, { ...large, stored: undefined })).toEqual(survey);
}

describe('a large .npy stays in its file', () => {
  const open = (path: string, wholeBytes: number, limit?: number) =>
    readNpyDataset({ format: 'npy', path, labels, split: 'test', limit }, wholeBytes);

  test.each(IMAGES)('%s: the images are those of one that is read whole', async (_, tensor, change = (npy) => npy) => {
    const path = fileOf(change(encodeNpy(tensor)));
    const [whole, large] = [await open(path, Number.POSITIVE_INFINITY), await open(path, 0)];
    await expectSame(large, whole);
    expect(large.stored === undefined).toBe(tensor.type !== 'uint8');
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

  test.each([
    ['written to', (path: string, other: Uint8Array) => writeFileSync(path, other)],
    [
      'replaced',
      (path: string, other: Uint8Array) => {
        writeFileSync(`${path}.new`, other);
        renameSync(`${path}.new`, path);
      },
    ],
  ])('a file that is %s between two images is named', async (_, change) => {
    const npy = encodeNpy({ type: 'uint8', dims: SHAPE, data: Uint8Array.from(unit) });
    const path = fileOf(npy);
    const large = await open(path, 0);
    await large.pixels(0, 1);
    change(path, npy.with(-1, npy.at(-1)! ^ 1));
    await expect(large.pixels(1, 1)).rejects.toThrow(
      /images-\d+\.npy: was written to, or replaced, since it was opened/,
    );
    await expect(surveyImages({ format: 'npy', path, labels, split: 'test' }, large)).rejects.toThrow(DatasetError);
    const again = await open(path, 0);
    expect((await again.pixels(6, 1)).at(-1)).not.toBe(floats.at(-1));
  });
});

describe('an .npz that is not compressed, too', () => {
  const y: ZipRecord = { name: 'y.npy', data: readFileSync(labels) };
  const open = (path: string, wholeBytes: number, limit?: number) =>
    readNpyDataset({ format: 'npy', path, split: 'test', limit }, wholeBytes);

  test.each(IMAGES)('%s: the images are those of one that is read whole', async (_, tensor, change = (npy) => npy) => {
    const path = fileOf(zip([y, { name: 'x.npy', data: change(encodeNpy(tensor)) }]));
    const [whole, large] = [await open(path, Number.POSITIVE_INFINITY), await open(path, 0)];
    await expectSame(large, whole);
    expect(large.stored === undefined).toBe(tensor.type !== 'uint8');
    expect((await open(path, 0, 3)).count).toBe(3);
  });

  // Their local headers have zip64's extra field.
  test.each(['dataset.npz', 'medmnist.npz'])("numpy's own: %s", async (name) => {
    const path = join('test/fixtures/npy', name);
    const [large, whole] = [await open(path, 0), await open(path, Number.POSITIVE_INFINITY)];
    await expectSame(large, whole);
  });

  test.each([true, false])('compressed: %s; one that is is read whole', async (deflated) => {
    const data = encodeNpy({ type: 'uint8', dims: SHAPE, data: Uint8Array.from(unit) });
    const path = fileOf(zip([y, { name: 'x.npy', data, deflated }]));
    const dataset = await open(path, 0);
    expect(await dataset.pixels(0, COUNT)).toEqual(Float32Array.from(floats));
    rmSync(path);
    const again = dataset.pixels(0, COUNT);
    await (deflated ? again : expect(again).rejects.toThrow(/there is no such file/));
  });

  test('where its checksum is wrong that is said, of bytes as of floats', async () => {
    for (const [, tensor] of [IMAGES[0]!, IMAGES[1]!, IMAGES[4]!]) {
      const data = encodeNpy(tensor);
      const path = fileOf(zip([y, { name: 'x.npy', data, crc: (crc32(data) ^ 1) >>> 0 }]));
      for (const wholeBytes of [0, Number.POSITIVE_INFINITY])
        await expect(open(path, wholeBytes)).rejects.toThrow(/: array "x": its checksum is wrong; get the file again/);
    }
  });

  test('one without images, or not of them, is said as of one that is read whole', async () => {
    const none = fileOf(
      zip([y, { name: 'x.npy', data: encodeNpy({ type: 'uint8', dims: [0, 3, 5, 4], data: new Uint8Array(0) }) }]),
    );
    await expect(open(none, -1)).rejects.toThrow(DatasetError);
    const short = encodeNpy({ type: 'uint8', dims: SHAPE, data: Uint8Array.from(unit) }).subarray(0, -1);
    const path = fileOf(zip([y, { name: 'x.npy', data: short }]));
    await expect(open(path, 0)).rejects.toThrow(/array "x": shape .* takes 420 bytes, the file has 419/);
  });

  test('a compressed array that memory does not hold is refused, with the line of numpy', async () => {
    const path = fileOf(zip([y, { name: 'x.npy', data: new Uint8Array(9000), deflated: true }]));
    const member = await npzMember(path, 'x');
    expect(member).toEqual({ size: 9000, start: undefined, crc32: crc32(new Uint8Array(9000)) });
    requireMemory(member, 'x', 9000);
    expect(() => requireMemory({ ...member, size: 5e9 }, 'a.npz: array "x"', 2.7e9)).toThrow(
      /a\.npz: array "x": takes 5\.0 GB of memory, of which 2\.7 GB are free.*numpy\.savez\("images\.npz", \*\*a\)/,
    );
  });
});

test('what is known of a file is asked again once it was written to', async () => {
  const path = fileOf(Uint8Array.of(1));
  const memory = new FileMemory<number>();
  let asked = 0;
  const ask = () => memory.get('key', path, async () => ++asked);
  // Of a file that was written this moment nothing is kept.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3600_000 });
  expect([await ask(), await ask()]).toEqual([1, 1]);
  writeFileSync(path, Uint8Array.of(2, 3));
  expect([await ask(), await ask()]).toEqual([2, 2]);
  const meanwhile = () =>
    memory.get('other', path, async () => {
      writeFileSync(path, new Uint8Array(++asked));
      return asked;
    });
  expect([await meanwhile(), await meanwhile()]).toEqual([3, 4]);
  vi.useRealTimers();
});
