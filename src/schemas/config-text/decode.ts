import { InputError } from '../../errors.ts';

/** What a file starts with that says how its text is encoded: Notepad's and PowerShell's "Unicode" is UTF-16. The longest first. */
const BYTE_ORDER_MARKS = [
  { mark: [0xff, 0xfe, 0, 0], encoding: 'UTF-32' },
  { mark: [0, 0, 0xfe, 0xff], encoding: 'UTF-32' },
  { mark: [0xef, 0xbb, 0xbf], encoding: 'UTF-8' },
  { mark: [0xff, 0xfe], encoding: 'UTF-16LE' },
  { mark: [0xfe, 0xff], encoding: 'UTF-16BE' },
] as const;

/**
 * The text of a file, without its byte-order mark: UTF-8, or UTF-16 with a mark. A byte that is none of the encoding is refused, not
 * replaced: a path or a key with another letter in it would name something else. Throws InputError, naming the line of UTF-8.
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  const encoding = BYTE_ORDER_MARKS.find(({ mark }) => mark.every((byte, at) => bytes[at] === byte))?.encoding;
  if (encoding === 'UTF-32') throw new InputError(`${where} is UTF-32, which is not read: save it as UTF-8`);
  if (encoding === undefined && bytes.includes(0))
    throw new InputError(`${where} is no text, or UTF-16 without its byte-order mark: save it as UTF-8`);
  const text = decoded(bytes, encoding ?? 'UTF-8');
  if (text === undefined)
    throw new InputError(`${where} is not ${encoding ?? `UTF-8 (${badLine(bytes)})`}: save it as UTF-8`);
  return text;
}

/** undefined where the bytes are not of the encoding. */
function decoded(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The first line that is not UTF-8. A line break is no part of another character. */
function badLine(bytes: Uint8Array): string {
  const LINE_BREAK = 10;
  let line = 1;
  for (let start = 0, end = 0; end !== -1; start = end + 1, line++) {
    end = bytes.indexOf(LINE_BREAK, start);
    if (decoded(bytes.subarray(start, end === -1 ? bytes.length : end), 'UTF-8') === undefined) break;
  }
  return `line ${line}`;
}
