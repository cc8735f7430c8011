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
