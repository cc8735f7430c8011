import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/datasets/digest.ts';
import { expectRefusal, FIXTURES, put, temporaryFolder } from './support.ts';

const folder = temporaryFolder();
const BATCHES = join(FIXTURES, 'cifar-10-batches-py');

describe('digestOf', () => {
  it('a file is its SHA-256', async () => {
    const path = join(BATCHES, 'test_batch');
    expect(await digestOf(path)).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
  });

  it('a folder does not depend on where it is, nor on files that hold no images', async () => {
    const copy = join(folder, 'copy');
    cpSync(BATCHES, copy, { recursive: true });
    await put(copy, 'readme.html', 'hello');
    expect(await digestOf(copy)).toBe(await digestOf(BATCHES));
    rmSync(join(copy, 'data_batch_2'));
    expect(await digestOf(copy)).not.toBe(await digestOf(BATCHES));
  });

  it('a folder tells bytes at the end of one file from the same at the start of the next', async () => {
    const digests = [];
    for (const [train, test] of [
      ['ab', 'c'],
      ['a', 'bc'],
    ]) {
      const path = join(folder, `split-${train}`);
      mkdirSync(path);
      await put(path, 'test.bin', test ?? '');
      await put(path, 'train.bin', train ?? '');
      digests.push(await digestOf(path));
    }
    expect(digests[0]).not.toBe(digests[1]);
  });

  it('refuses what is not there, or no dataset', async () => {
    await expectRefusal(digestOf(join(folder, 'absent')), folder, /there is no such file/);
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    await expectRefusal(digestOf(empty), empty, /holds no file of a dataset/);
  });
});
