import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDataset } from '../../../src/datasets/open.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { temporaryFolder } from './support.ts';

const folder = temporaryFolder();

async function open(values: readonly number[]) {
  const [path, labels] = [join(folder, 'x.npy'), join(folder, 'y.npy')];
  await writeFile(path, encodeNpy(float32([1, 1, 1, values.length], Float32Array.from(values))));
  await writeFile(labels, encodeNpy({ type: 'int32', dims: [1], data: Int32Array.of(0) }));
  return openDataset({ format: 'npy', path, labels, split: 'test' });
}

it('clips images a rounding error outside [0, 1], says so, and refuses those further out', async () => {
  const data = await open([-3e-8, 0.5, 1 + 1.2e-7]);
  expect(await data.pixels(0, 1)).toEqual(Float32Array.of(0, 0.5, 1));
  expect(data.notes).toMatchObject([{ code: 'clipped' }]);
  expect((await open([0, 1])).notes).toEqual([]);
  await expect(open([0, 1.00001])).rejects.toThrow('not in [0, 1]: clip them');
});
