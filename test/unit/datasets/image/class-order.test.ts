import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { byCodePoint } from '../../../../src/datasets/image/text-order.ts';
import { openDataset } from '../../../../src/datasets/open.ts';
import { surveyImages } from '../../../../src/datasets/survey.ts';
import type { ClassOrder } from '../../../../src/schemas/config.ts';
import { tarOf, temporaryFolder } from '../support.ts';
import { plainPng, tree } from './support.ts';

const folder = temporaryFolder();
let image: Buffer;
beforeAll(async () => {
  image = await plainPng(7);
});

const specOf = (path: string, classOrder?: ClassOrder) => ({
  ...({ format: 'imagefolder', path, split: 'test' } as const),
  classOrder,
});

describe('names that begin with a dot', () => {
  it.each(['folder', 'tar'])('are no classes and no images of a %s, and that is said', async (kind) => {
    const files = {
      '.ipynb_checkpoints/1-checkpoint.png': image,
      'a/.ipynb_checkpoints/1.png': image,
      'a/._1.png': 'not an image',
      'a/1.png': image,
      'b/1.png': image,
    };
    const path = kind === 'tar' ? join(folder, 'dots.tar') : tree(join(folder, 'dots'), files);
    if (kind === 'tar') await writeFile(path, await tarOf(files));
    const data = await openDataset(specOf(path));
    expect([data.classNames, data.names, Array.from(data.labels)]).toEqual([
      ['a', 'b'],
      ['a/1.png', 'b/1.png'],
      [0, 1],
    ]);
    expect(data.notes).toMatchObject([{ code: 'hidden-files' }]);
    expect(data.notes?.[0]?.message).toContain('.ipynb_checkpoints');
  });
});

describe('numbered class folders', () => {
  const numbered = (names: readonly string[], at: string) =>
    tree(join(folder, at), Object.fromEntries(names.map((name) => [`${name}/1.png`, image])));

  it.each([
    ['0', '1', '10', '2'],
    ['class_0', 'class_1', 'class_10', 'class_2'],
  ])('%s, ... are in the order of text, which is said, or of numbers', async (...names) => {
    const path = numbered(names, `of-${names[0]}`);
    const asText = await openDataset(specOf(path));
    expect(asText.classNames).toEqual(names);
    expect(asText.notes).toMatchObject([{ code: 'class-order' }]);
    expect(asText.notes?.[0]?.message).toContain(`label 2 is folder "${names[2]}", not "${names[3]}"`);
    expect((await openDataset(specOf(path, 'text'))).notes).toEqual([]);
    const byNumber = await openDataset(specOf(path, 'numeric'));
    expect([byNumber.classNames, byNumber.notes]).toEqual([[names[0], names[1], names[3], names[2]], []]);
    // Images stay in their order: their index is their identity.
    expect(Array.from(byNumber.labels)).toEqual([0, 1, 3, 2]);
  });

  it('are as classes.txt has them, without a word', async () => {
    const path = numbered(['0', '2', '10'], 'named');
    await writeFile(join(path, 'classes.txt'), '0\n2\n10\n');
    expect(await openDataset(specOf(path))).toMatchObject({ labels: Int32Array.from([0, 2, 1]), notes: [] });
    await expect(openDataset(specOf(path, 'numeric'))).rejects.toThrow('leave "classOrder" out');
  });

  it('say nothing where both orders are one, and refuse names without numbers', async () => {
    expect((await openDataset(specOf(numbered(['00', '01', '10'], 'padded')))).notes).toEqual([]);
    const words = numbered(['cat', 'dog'], 'words');
    await expect(openDataset(specOf(words, 'numeric'))).rejects.toThrow('write their names in a classes.txt');
  });

  it("are sorted by code points, as Python's sorted() does", () => {
    const names = ['\u{1F600}', '\uFF21', 'b', 'a', 'aa'];
    expect(names.toSorted(byCodePoint)).toEqual(['a', 'aa', 'b', '\uFF21', '\u{1F600}']);
  });
});

describe('a survey', () => {
  it('finds copies and grey PNGs of 16 bits in a folder', async () => {
    const pixels = new Uint16Array(16).fill(300);
    const deep = await sharp(pixels, { raw: { width: 4, height: 4, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const files = { 'a/1.png': image, 'a/2.png': await plainPng(8), 'b/1.png': image, 'b/deep.png': deep };
    const spec = specOf(tree(join(folder, 'survey'), files));
    const { copies, notes } = await surveyImages(spec, await openDataset(spec));
    expect(copies).toEqual([[0, 2]]);
    expect(notes.map(({ code }) => code)).toEqual(['copies', 'deep-grey']);
    expect(notes[0]?.message).toContain('3 of the 4 images are distinct');
    expect(notes[0]?.message).toContain('1 of them with different labels');
    expect(notes[1]?.message).toContain('b/deep.png');
  });
});
