import { InputError } from '../contracts/errors.ts';

/** How many merges OpenAI takes of its file, which goes on: a vocabulary of 49,152 less 256 bytes and 2 special tokens. */
const MOST_MERGES = 49_152 - 256 - 2;

export const START_OF_TEXT = '<|startoftext|>';
export const END_OF_TEXT = '<|endoftext|>';
/** Marks a token at the end of a word. */
const WORD_END = '</w>';

/** What a piece of text is cut into before merging: contractions, letters, single digits, runs of anything else. */
const WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`;

/**
 * CLIP's tokenizer in the form of a Hugging Face tokenizer.json, from the lines of a merges file (a header, then a pair of
 * tokens a line). Ids are those of https://github.com/openai/CLIP, clip/simple_tokenizer.py: the bytes, the bytes that end a
 * word, the merges in their order, start and end. Throws InputError where a line is no pair.
 */
export function tokenizerOfMerges(text: string, where: string): Record<string, unknown> {
  const lines = text.split('\n').slice(1, MOST_MERGES + 1);
  const merges = lines.filter((line) => line.trim() !== '').map((line, index) => pairIn(line, index + 2, where));
  if (merges.length === 0) throw new InputError(`${where} holds no merges: give OpenAI's bpe_simple_vocab_16e6.txt.gz`);
  const bytes = byteCharacters();
  const tokens = [...bytes, ...bytes.map((byte) => byte + WORD_END), ...merges.map((pair) => pair.join(''))];
  const special = [START_OF_TEXT, END_OF_TEXT];
  const vocabulary = [...tokens, ...special];
  return {
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: null,
    model: {
      type: 'BPE',
      unk_token: END_OF_TEXT,
      end_of_word_suffix: WORD_END,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges,
    },
    added_tokens: special.map((content, i) => ({ id: tokens.length + i, content, special: true, normalized: false })),
  };
}

function pairIn(line: string, number: number, where: string): [string, string] {
  const [a, b, ...rest] = line.trim().split(/\s+/);
  if (a !== undefined && b !== undefined && rest.length === 0) return [a, b];
  throw new InputError(`${where}: line ${number} is no pair of tokens: is this the merges file of CLIP's tokenizer?`);
}

/**
 * A printable character for every byte, in the order of their ids: those of Latin-1 that can be printed stand for
 * themselves, the others follow from U+0100 on.
 */
function byteCharacters(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  const others = all.filter((byte) => !isPrintable(byte));
  return [...all.filter(isPrintable), ...others.map((_, i) => 0x100 + i)].map((code) => String.fromCodePoint(code));
}
