import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Pair,
  type ParsedNode,
  Parser,
  parseDocument,
  type Scalar,
} from 'yaml';
import { ConfigError } from '../../errors.ts';
import type { JsonValue } from './json.ts';
import { hiddenCharacter, MAX_DEPTH, placeOf, standsTwice, TOO_DEEP } from './refusals.ts';

/**
 * YAML 1.2, core schema: `no`, `off` and `8/255` are texts. No tags but the core's own, no merge keys; every key is the text
 * that it is written as.
 */
const OPTIONS = {
  version: '1.2',
  schema: 'core',
  merge: false,
  resolveKnownTags: false,
  stringKeys: true,
  // We say which key it is, and where it stands.
  uniqueKeys: false,
  prettyErrors: false,
  // With 'silent', a second document would be left out without a word.
  logLevel: 'error',
} as const;

/** How often what stands behind anchors may be repeated in all: lists of lists of them would fill the memory. */
const MAX_ALIASES = 100;

/** What is being read, and the anchors passed so far. */
interface Reading {
  readonly text: string;
  readonly where: string;
  readonly anchors: Set<string>;
}

/**
 * The value of a config's YAML. What another reader of YAML would read as something else is refused, as are keys that stand
 * twice and what no JSON holds. Throws ConfigError with line and column.
 */
export function parseYamlText(text: string, where: string): JsonValue {
  const reading = { text, where, anchors: new Set<string>() };
  requireShallow(reading);
  const document = parseDocument(text, OPTIONS);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw refusal(reading, problem.pos[0], `${syntaxProblem(problem)}${hiddenOnLine(text, problem.pos[0])}`);
  if (document.contents === null) throw new ConfigError(`${where} is not YAML: it is empty`);
  const { explicit, version } = document.directives.yaml;
  if (explicit && version !== '1.2')
    throw refusal(reading, 0, `YAML ${version} is not read, YAML 1.2 is: leave the line out`);
  requireSound(reading, document.contents, []);
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw new ConfigError(`${where}: its aliases (*) stand for too much: write out what they stand for`, { cause });
  }
}

/**
 * Throws ConfigError where nodes lie too deep in each other, before what goes down a call a level makes anything of them: at the end of
 * its stack it is not sure to throw, a regular expression that is compiled there ends the process.
 */
function requireShallow(reading: Reading): void {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(reading.text)) {
    // What it yields is whole and not looked at: what it is in the middle of lies on its stack, under the document.
    for (const _ of parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH + 3) throw refusal(reading, parser.offset, TOO_DEEP);
  }
}

function refusal({ text, where }: Reading, offset: number, problem: string): ConfigError {
  return new ConfigError(`${where} is not YAML: ${placeOf(text, offset)}: ${problem}`);
}

function syntaxProblem({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === 'RESOURCE_EXHAUSTION') return TOO_DEEP;
  if (code === 'MULTIPLE_DOCS') return 'a second document begins, and a file holds one config';
  if (code === 'TAG_RESOLVE_FAILED') return `${message}: leave it out`;
  return message;
}

/** To YAML a no-break space is a letter, so that what is wrong is told of something else on its line. */
function hiddenOnLine(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const [line = ''] = text.slice(start).split('\n', 1);
  const hidden = hiddenCharacter(line);
  return hidden === undefined ? '' : ` (at ${placeOf(text, start + hidden.at)} is ${hidden.name}, which is no space)`;
}

/** Throws ConfigError for what would be read as something else than is written. */
function requireSound(reading: Reading, node: ParsedNode | null, path: readonly string[]): void {
  if (node === null) return;
  const [offset] = node.range;
  if (path.length > MAX_DEPTH) throw refusal(reading, offset, TOO_DEEP);
  if (isAlias(node)) {
    // One within what it stands for would have no end.
    if (reading.anchors.has(node.source)) return;
    throw refusal(reading, offset, `*${node.source} stands for what no anchor before it (&${node.source}) names`);
  }
  if (isScalar(node)) requireNumber(reading, node, path);
  if (isSeq<ParsedNode>(node))
    for (const [position, item] of node.items.entries()) requireSound(reading, item, [...path, String(position)]);
  if (isMap<Scalar.Parsed, ParsedNode>(node)) requireEntries(reading, node.items, path);
  if (node.anchor !== undefined) reading.anchors.add(node.anchor);
}

function requireEntries(
  reading: Reading,
  entries: readonly Pair<Scalar.Parsed, ParsedNode | null>[],
  path: readonly string[],
): void {
  const seen = new Map<string, number>();
  for (const { key, value } of entries) {
    const name = String(key.value);
    const [offset] = key.range;
    const first = seen.get(name);
    if (first !== undefined) throw standsTwice(reading.where, [...path, name], reading.text, [first, offset]);
    if (name === '<<') throw refusal(reading, offset, 'YAML 1.2 has no merge keys (<<): write out what it stands for');
    seen.set(name, offset);
    if (key.anchor !== undefined) reading.anchors.add(key.anchor);
    requireSound(reading, value, [...path, name]);
  }
}

/** Throws ConfigError where a number is not the one that is written, or that another reader of YAML would read. */
function requireNumber(reading: Reading, { value, source = '', range }: Scalar.Parsed, path: readonly string[]): void {
  if (typeof value !== 'number') return;
  const refuse = (reason: string) => refusal(reading, range[0], `${path.join('.')}: ${source} ${reason}`);
  const QUOTES = 'if it is a text, put it in quotes';
  if (!Number.isFinite(value)) throw refuse(`is no number that a config takes; ${QUOTES}`);
  if (/^[-+]?0\d/.test(source)) throw refuse(`is ${value} in YAML 1.2, and octal for some; leave the 0 out; ${QUOTES}`);
  if (/^[-+]?\d+$/.test(source) && !Number.isSafeInteger(value) && String(value) !== source)
    throw refuse(`has more digits than a number holds; ${QUOTES}`);
}
