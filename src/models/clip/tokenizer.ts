import { Tokenizer as BytePairTokenizer } from '@huggingface/tokenizers';
import { InputError, messageOf } from '../../errors.ts';
import { int64, type TypedTensor } from '../../numeric/tensor.ts';
import { parseJson } from '../../schemas/json.ts';

/** How many merges OpenAI takes of its file, which goes on: a vocabulary of 49,152 less 256 bytes and 2 special tokens. */
const MOST_MERGES = 49_152 - 256 - 2;

const START_OF_TEXT = '<|startoftext|>';
const END_OF_TEXT = '<|endoftext|>';
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

/** HTML's names for what XML escapes; class names need no others. */
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
]);

/**
 * Text as CLIP's tokenizer wants it: what https://github.com/openai/CLIP, clip/simple_tokenizer.py does before it cuts words.
 * Of ftfy's repairs the ones that single characters need (composed accents, straight quotes, ligatures, full-width forms),
 * not its search for wrongly decoded text. HTML escapes are undone twice, white space is single, letters are small.
 */
export function cleanText(text: string): string {
  const repaired = text
    .replaceAll(/[\u2018\u2019\u201a\u201b\u02bc]/g, "'")
    .replaceAll(/[\u201c\u201d\u201e\u201f]/g, '"')
    .replaceAll(/[\u0132\u0133\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06\uff01-\uff9f\uffe0-\uffe6\u3000]/g, (character) =>
      character.normalize('NFKC'),
    )
    .normalize('NFC');
  return unescaped(unescaped(repaired)).replaceAll(/\s+/g, ' ').trim().toLowerCase();
}

function unescaped(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w+));/g, (written, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES.get(name) ?? written;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : written;
  });
}

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
 * CLIP's tokenizer from the text of OpenAI's bpe_simple_vocab_16e6.txt, Hugging Face's merges.txt or its tokenizer.json, told
 * by content; `path` names the file in errors. Throws InputError where it is none of them.
 */
export function tokenizerOf(text: string, path: string): Tokenizer {
  const tokenizer = text.startsWith('{')
    ? parseJson(text, (reason, options) => new InputError(`${path} is not JSON: ${reason}`, options))
    : tokenizerOfMerges(text, path);
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

function made(tokenizer: unknown, path: string): BytePairTokenizer {
  try {
    return new BytePairTokenizer(Object(tokenizer), {});
  } catch (cause) {
    throw new InputError(`${path} is no tokenizer.json: ${messageOf(cause)}`, { cause });
  }
}
