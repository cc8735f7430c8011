import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { ConfigError, messageOf } from '../../errors.ts';
import { hiddenCharacter, MAX_DEPTH, placeOf, standsTwice, TOO_DEEP } from './refusals.ts';

/** What a config's text stands for. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** As it is, or with comments and with commas after the last entry. */
type JsonForm = 'JSON' | 'JSON with comments';

/**
 * The value of a config's JSON. Of a key that stands twice, JSON takes the last without a word: it is refused, as is a number
 * that is too large for one. Throws ConfigError with line and column.
 */
export function parseJsonText(text: string, where: string, form: JsonForm = 'JSON'): JsonValue {
  const { tree, errors } = treeOf(text, form, where);
  const [error] = errors;
  if (error !== undefined || tree === undefined)
    throw new ConfigError(
      `${where} is not ${form}: ${error === undefined ? 'it is empty' : syntaxProblem(text, error, where, form)}`,
    );
  requireSound(tree, text, where);
  return form === 'JSON' ? parsedJson(text, where) : plainValue(tree);
}

/** The last word on what is JSON has who always had it. */
function parsedJson(text: string, where: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${where} is not JSON: ${messageOf(cause)}`, { cause });
  }
}

interface Tree {
  readonly tree: Node | undefined;
  readonly errors: readonly ParseError[];
}

/** The parser goes down one call a level. */
function treeOf(text: string, form: JsonForm, where: string): Tree {
  const errors: ParseError[] = [];
  const strict = form === 'JSON';
  try {
    return { tree: parseTree(text, errors, { disallowComments: strict, allowTrailingComma: !strict }), errors };
  } catch (cause) {
    throw new ConfigError(`${where}: ${TOO_DEEP}`, { cause });
  }
}

/** What is wrong with a text, of the first thing that is: the others follow from it. */
function syntaxProblem(text: string, error: ParseError, where: string, form: JsonForm): string {
  if (text.trim() === '') return 'it is empty';
  const place = placeOf(text, error.offset);
  if (form === 'JSON' && treeOf(text, 'JSON with comments', where).errors.length === 0) {
    const name = /\.json$/i.test(where) ? `"${where.replace(/^.*\//, '')}c"` : 'NAME.jsonc';
    return `${place}: comments and commas after a last entry are for .jsonc files: call it ${name}, or take them out`;
  }
  const kind = printParseErrorCode(error.error);
  const token = text.slice(error.offset, error.offset + Math.min(40, Math.max(1, error.length)));
  const hidden = kind === 'InvalidSymbol' ? hiddenCharacter(token) : undefined;
  if (hidden !== undefined)
    return `${placeOf(text, error.offset + hidden.at)}: ${hidden.name}, a character that is not seen, cannot stand here: take it out, or put a space in its place`;
  return `${place}: ${PROBLEMS[kind]?.(token.trim()) ?? `"${token.trim()}" cannot stand here`}`;
}

const QUOTED = 'keys, texts and fractions such as "8/255" stand in double quotes';

/** By the parser's names, which lays its finger on what comes after that which is missing. */
const PROBLEMS: Readonly<Record<string, (token: string) => string>> = {
  InvalidSymbol: (token) => `"${token}" cannot stand here: ${QUOTED}`,
  InvalidNumberFormat: (token) => `"${token}" is no number`,
  UnexpectedEndOfNumber: (token) => `"${token}" is no number`,
  PropertyNameExpected: () => `a key is missing: ${QUOTED}`,
  ValueExpected: () => 'a value is missing',
  ColonExpected: () => 'a colon is missing before this',
  CommaExpected: () => 'a comma is missing before this',
  CloseBraceExpected: () => 'a closing brace is missing',
  CloseBracketExpected: () => 'a closing bracket is missing',
  EndOfFileExpected: () => 'something follows the end',
  UnexpectedEndOfComment: () => 'a comment does not end',
  UnexpectedEndOfString: () => 'a text does not end on its line: a quote is missing',
  InvalidUnicode: (token) => `${token} has a \\u without four hex digits`,
  InvalidEscapeCharacter: (token) => `${token} has a backslash that stands for nothing: write two, or a slash`,
  InvalidCharacter: () => 'a text has a control character: write a tab as \\t',
};

/** Throws ConfigError for what would be read as something else than is written. */
function requireSound(node: Node, text: string, where: string, path: readonly string[] = []): void {
  if (path.length > MAX_DEPTH) throw new ConfigError(`${where}, ${placeOf(text, node.offset)}: ${TOO_DEEP}`);
  if (typeof node.value === 'number' && !Number.isFinite(node.value))
    throw new ConfigError(`${where}, ${placeOf(text, node.offset)}: ${path.join('.')} is more than a number holds`);
  const seen = new Map<string, Node>();
  for (const [position, child] of (node.children ?? []).entries()) {
    const [key, value] = keyAndValue(child) ?? [];
    if (key !== undefined) {
      const name = String(key.value);
      const first = seen.get(name);
      if (first !== undefined) throw standsTwice(where, [...path, name], text, [first.offset, key.offset]);
      seen.set(name, key);
    }
    requireSound(value ?? child, text, where, [...path, key === undefined ? String(position) : String(key.value)]);
  }
}

function keyAndValue({ type, children }: Node): [Node, Node] | undefined {
  const [key, value] = children ?? [];
  return type === 'property' && key !== undefined && value !== undefined ? [key, value] : undefined;
}

function plainValue(node: Node): JsonValue {
  const children = node.children ?? [];
  if (node.type === 'array') return children.map(plainValue);
  if (node.type !== 'object') return node.value;
  // Of entries, which make "__proto__" a key like any other.
  return Object.fromEntries(
    children.flatMap((child) => {
      const [key, value] = keyAndValue(child) ?? [];
      return key === undefined || value === undefined ? [] : [[String(key.value), plainValue(value)] as const];
    }),
  );
}
