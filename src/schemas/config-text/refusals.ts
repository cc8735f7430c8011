import { ConfigError } from '../../errors.ts';

/** "line 3, column 5": where in a text an offset lies, as editors count. */
export function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split('\n').length;
  return `line ${line}, column ${offset - before.lastIndexOf('\n')}`;
}

/** Nothing in a config lies deeper than some levels; who reads it may go down one call a level. */
export const MAX_DEPTH = 64;

export const TOO_DEEP = `lists and sections lie more than ${MAX_DEPTH} deep in each other, which no config does`;

/** Of a key at `path` of which each parser takes the last, or the first, without a word. */
export function standsTwice(
  where: string,
  path: readonly string[],
  text: string,
  offsets: readonly [number, number],
): ConfigError {
  const [first, second] = offsets.map((offset) => placeOf(text, offset));
  return new ConfigError(`${where}: "${path.join('.')}" stands twice, at ${first} and at ${second}: leave one out`);
}

/** Spaces but the ordinary one, and characters without a shape: a no-break space out of a document, a byte-order mark. */
const HIDDEN = /(?![ \t\r\n])[\p{Z}\p{Cc}\p{Cf}]/u;

/** Text of which nothing is hidden: what nobody sees in it is its code point. */
export function visible(text: string): string {
  return text.replaceAll(new RegExp(HIDDEN, 'gu'), (character) => `<${codePoint(character)}>`);
}

/** The first character of a text that nobody sees, and where it is. */
export function hiddenCharacter(text: string): { readonly at: number; readonly name: string } | undefined {
  const found = HIDDEN.exec(text);
  return found === null ? undefined : { at: found.index, name: codePoint(found[0]) };
}

/** "U+00A0": as it is looked up. */
function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
