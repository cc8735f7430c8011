import { expect, test } from 'vitest';
import { openFile } from '../../../src/checkpoints/source.ts';
import { readBytes } from '../../../src/datasets/files.ts';
import { FileStore } from '../../../src/stores/folder-store.ts';

test.each([
  ['https://example.com/x.npz', /addresses are not read: download it/],
  ['hf://datasets/x', /addresses are not read/],
  ['file:///x.npz', /give the path alone, without file:/],
  ['~/x.npz', /~ is written out by shells only/],
  ['$DATA/x.npz', /variables are written out by shells only/],
  ['\ufffd.npz', /its name is not text in UTF-8/],
  ['-', /standard input is \/dev\/stdin/],
  ['nowhere/x.npz', /no such file/],
])('%s: what to write instead is said', async (path, says) => {
  await expect(readBytes(path)).rejects.toThrow(says);
  await expect(openFile(path)).rejects.toThrow(says);
});

test('a folder that nothing can ever be read from is bad input', async () => {
  const store = new FileStore(`/tmp/${'x'.repeat(300)}`);
  await expect(store.get('plan.json')).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(/ENAMETOOLONG/),
  });
});
