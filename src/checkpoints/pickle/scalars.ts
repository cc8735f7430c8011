import { malformed } from './machine.ts';

/** Longer integers have no place in a checkpoint, and parsing them takes quadratic time. */
const MOST_DIGITS = 100;
const MOST_BYTES = 64;

/** LONG1, LONG4: two's complement, little endian. */
export function integerFromBytes(bytes: Buffer): number | bigint {
  if (bytes.length > MOST_BYTES) throw malformed(`it holds an integer of ${bytes.length} bytes`);
  if (bytes.length === 0) return 0;
  const unsigned = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  return exact(BigInt.asIntN(bytes.length * 8, unsigned));
}

/** INT, LONG: decimal text; `00` and `01` are protocol 0's booleans, and LONG ends in L. */
export function integerFromText(text: string): number | bigint | boolean {
  if (text === '00' || text === '01') return text === '01';
  const digits = /^([+-]?\d+)L?$/.exec(text)?.[1];
  if (digits === undefined || digits.length > MOST_DIGITS) throw malformed('it holds an integer that cannot be read');
  return exact(BigInt(digits.replace(/^\+/, '')));
}

const NAMED_FLOATS: ReadonlyMap<string, number> = new Map([
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

/** FLOAT: decimal text as Python's repr writes it. */
export function floatFromText(text: string): number {
  return NAMED_FLOATS.get(text) ?? Number(text);
}

/** STRING: a Python 2 string literal, as its repr writes it: a character a byte. */
export function stringFromLiteral(text: string): string {
  const [, , body] = /^(['"])(.*)\1$/s.exec(text) ?? [];
  if (body === undefined) throw malformed('it holds a string without quotes');
  // In place, byte by byte: most of the 31 MB of CIFAR's pixels are escapes.
  const bytes = Buffer.from(body, 'latin1');
  let length = 0;
  for (let at = 0; at < bytes.length; length++) {
    const written = bytes[at] === BACKSLASH ? escapeAt(body, at) : undefined;
    bytes[length] = written === undefined ? bytes[at]! : ESCAPES.get(written)!;
    at += written?.length ?? 1;
  }
  return bytes.toString('latin1', 0, length);
}

const BACKSLASH = 0x5c;

/** What repr writes of a byte, and that byte. */
const ESCAPES: ReadonlyMap<string, number> = new Map([
  ...Array.from({ length: 256 }, (_, byte) => [`\\x${byte.toString(16).padStart(2, '0')}`, byte] as const),
  ...Object.entries({ '\\n': 10, '\\r': 13, '\\t': 9, '\\\\': 0x5c, "\\'": 0x27, '\\"': 0x22 }),
]);

/** undefined where a backslash is one: what repr did not write stays as it is. */
function escapeAt(text: string, at: number): string | undefined {
  const hex = text.slice(at, at + 4);
  if (ESCAPES.has(hex)) return hex;
  const letter = text.slice(at, at + 2);
  return ESCAPES.has(letter) ? letter : undefined;
}

/** UNICODE: text with \uXXXX and \UXXXXXXXX escapes. */
export function textFromRawUnicode(text: string): string {
  return text.replace(/\\u([\da-fA-F]{4})|\\U(00[\da-fA-F]{6})/g, (written, short?: string, long?: string) => {
    const codePoint = Number.parseInt(short ?? long ?? '', 16);
    return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : written;
  });
}

/** A Python int: a number where that is exact, a bigint beyond 2^53. */
function exact(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
