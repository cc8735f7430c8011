import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../../src/errors.ts';
import { cleanText, tokenize, tokenizerOfMerges } from '../../../../src/models/clip/tokenizer.ts';
import { readTokenizer } from '../../../../src/runs/inputs/open-clip.ts';
import { scratch } from '../../../support/cli.ts';

const folder = scratch();
afterAll(() => folder.remove());

const PAIRS = ['h o', 't r', 's e</w>', 'ho r', 'tr u', 'c k</w>', 'hor se</w>', 'tru ck</w>', "' s</w>"];
const MERGES = `#version: 0.2\n${[...PAIRS, '1 2</w>', 'Ã ©</w>', '. .', '.. .</w>'].join('\n')}\n`;

/** What OpenAI's simple_tokenizer.py gives with these merges, ftfy 6.3 and regex beside it. */
const EXPECTED: readonly (readonly [string, readonly number[]])[] = [
  ['horse', [518]],
  ['truck', [519]],
  ["A Horse's truck", [320, 518, 520, 519]],
  ['horses', [515, 82, 68, 338]],
  ['café', [66, 64, 69, 522]],
  ['cafe\u0301', [66, 64, 69, 522]],
  ['12', [272, 273]],
  ['wait....', [86, 64, 72, 339, 523, 13, 269]],
  ['It’s  ﬁne', [72, 339, 520, 69, 72, 77, 324]],
  ['日', [162, 245, 354]],
];

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(folder.path(name), content);
  return folder.path(name);
}

describe("CLIP's tokenizer", () => {
  test.each([
    ["OpenAI's merges, compressed", 'bpe.txt.gz', gzipSync(MERGES)],
    ['a merges.txt', 'merges.txt', MERGES],
    ['a tokenizer.json', 'tokenizer.json', JSON.stringify(tokenizerOfMerges(MERGES, 'merges'))],
  ])('from %s gives the ids of the original', async (_, name, content) => {
    const tokenizer = await readTokenizer(file(name, content));
    expect(tokenizer).toMatchObject({ vocabulary: 527, start: 525, end: 526 });
    for (const [text, ids] of EXPECTED) expect([text, tokenizer.encode(text)]).toEqual([text, ids]);
  });

  test('fills texts up with zeros between start and end, and refuses one that is too long', async () => {
    const tokenizer = await readTokenizer(file('merges.txt', MERGES));
    const { dims, data } = tokenize(tokenizer, ['horse', "a horse's truck"], 6);
    expect(dims).toEqual([2, 6]);
    expect([...data].map(Number)).toEqual([525, 518, 526, 0, 0, 0, 525, 320, 518, 520, 519, 526]);
    expect(() => tokenize(tokenizer, ['horse', "a horse's truck"], 5)).toThrow(/"a horse's truck" is 6 tokens/);
  });

  test.each([
    ['an empty file', '', 'holds no merges'],
    ['prose', '#\none two three\n', 'line 2 is no pair'],
    ['other JSON', '{"model": {"type": "Unigram"}}', 'is no tokenizer.json'],
    ['broken JSON', '{"model": ', 'is not JSON'],
  ])('refuses %s', async (_, content, message) => {
    const read = readTokenizer(file('odd', content));
    await expect(read).rejects.toThrow(InputError);
    await expect(read).rejects.toThrow(message);
  });

  test('refuses a tokenizer of another model, and a file that is not there', async () => {
    const other = { ...tokenizerOfMerges(MERGES, 'merges'), added_tokens: [] };
    const text = JSON.stringify(other).replaceAll('<|startoftext|>', '[CLS]');
    await expect(readTokenizer(file('bert.json', text))).rejects.toThrow(/not the one of CLIP/);
    await expect(readTokenizer(folder.path('nowhere'))).rejects.toThrow(InputError);
  });
});

test('text is cleaned as the original cleans it', () => {
  expect(cleanText(' A\tB  &amp;amp; &#39;c&#x27; ')).toBe("a b & 'c'");
  expect(cleanText('“Ｄ” &unknown; ǅ')).toBe('"d" &unknown; dž');
  expect(cleanText('&#0;&#x110000;')).toBe('&#0;&#x110000;');
});
