import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { Tokenizer as BytePairTokenizer } from '@huggingface/tokenizers';
import { InputError, messageOf } from '../contracts/errors.ts';
import { int64, type TypedTensor } from '../tensor/tensor.ts';
import { cleanText } from './clean-text.ts';
import { END_OF_TEXT, START_OF_TEXT, tokenizerOfMerges } from './merges.ts';

/** OpenAI's merges are 3 MB, a tokenizer.json has 4: more is another file. */
const LARGEST_TEXT = 2 ** 26;

/** Turns texts into the token ids a CLIP reads. */
export interface Tokenizer {
  /** How many token ids there are. */
  readonly vocabulary: number;
  /** Token ids of a text, without start and end. */
  readonly encode: (text: string) => number[];
  readonly start: number;
  readonly end: number;
}

/**
 * Reads CLIP's tokenizer from OpenAI's bpe_simple_vocab_16e6.txt.gz, Hugging Face's merges.txt or its tokenizer.json, told
 * by content. Throws InputError where it is none of them.
 */
export async function readTokenizer(path: string): Promise<Tokenizer> {
  const text = await readText(path);
  const tokenizer = text.startsWith('{') ? parseJson(text, path) : tokenizerOfMerges(text, path);
  const pairs = made(tokenizer, path);
  const [start, end] = [START_OF_TEXT, END_OF_TEXT].map((token) => pairs.token_to_id(token));
  if (start === undefined || end === undefined)
    throw new InputError(`${path} is a tokenizer without ${START_OF_TEXT} and ${END_OF_TEXT}: not the one of CLIP`);
  return {
    vocabulary: pairs.get_vocab().size,
    encode: (words) => pairs.encode(cleanText(words), { add_special_tokens: false }).ids,
    start,
    end,
  };
}

/**
 * Token ids of the texts, [N, length]: start, the text, end, zeros. Throws InputError where a text has too many tokens.
 */
export function tokenize(tokenizer: Tokenizer, texts: readonly string[], length: number): TypedTensor<'int64'> {
  const rows = texts.map((text) => {
    const ids = [tokenizer.start, ...tokenizer.encode(text), tokenizer.end];
    if (ids.length <= length) return [...ids, ...Array<number>(length - ids.length).fill(0)];
    throw new InputError(
      `"${text}" is ${ids.length} tokens with start and end, CLIP reads ${length}: shorten the name`,
    );
  });
  return int64([texts.length, length], rows.flat());
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (isGzip ? gunzipSync(bytes, { maxOutputLength: LARGEST_TEXT }) : bytes).toString('utf8');
  } catch (cause) {
    throw new InputError(`cannot read the tokenizer ${path}: ${messageOf(cause)}`, { cause });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path} is not JSON: ${messageOf(cause)}`, { cause });
  }
}

function made(tokenizer: unknown, path: string): BytePairTokenizer {
  try {
    return new BytePairTokenizer(Object(tokenizer), {});
  } catch (cause) {
    throw new InputError(`${path} is no tokenizer.json: ${messageOf(cause)}`, { cause });
  }
}
