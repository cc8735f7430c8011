import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Cursor, TruncatedPickle } from '../../../src/checkpoints/pickle/cursor.ts';
import { OPCODES, unpickle } from '../../../src/checkpoints/pickle/unpickle.ts';
import { isKind, type PickleValue } from '../../../src/checkpoints/pickle/values.ts';
import { torchHost } from '../../../src/checkpoints/torch/references.ts';
import { CheckpointError } from '../../../src/errors.ts';
import {
  call,
  dict,
  get,
  global,
  int,
  join,
  list,
  none,
  pickle,
  put,
  raw,
  repeat,
  text,
  tuple,
} from './support/pickles.ts';
import { fixture } from './support/read.ts';
import { cpuMilliseconds } from './support/time.ts';

const load = (bytes: Uint8Array): PickleValue => unpickle(new Cursor(bytes), torchHost(new Map()));

/** A value without its kinds: lists and tuples as arrays, dicts as arrays of pairs. */
function plain(value: PickleValue): unknown {
  if (isKind(value, 'list') || isKind(value, 'tuple')) return value.items.map(plain);
  if (isKind(value, 'dict')) return Array.from(value.entries, (entry) => entry.map(plain));
  return value;
}

const SCALARS = [null, true, false, 0, -1, 255, 65535, -(2 ** 31), 2 ** 31, 2n ** 53n + 1n, -(2n ** 100n), 1.5, -1e300];
const STRINGS = ['ä€😀\n\\', 'x'.repeat(300)];
const CONTAINERS = [
  [],
  [1],
  [1, 2],
  [1, 2, 3],
  [1, 2, 3, 4],
  [],
  [1, [2]],
  [],
  [
    ['a', 1],
    [2, [3]],
  ],
  ['shared'],
  ['shared'],
];

describe('values', () => {
  const byProtocol = z.array(z.string()).parse(JSON.parse(readFileSync(fixture('pickles.json'), 'utf8')));

  it.each([...byProtocol.entries()])('protocol %i as Python writes it', (_, base64) => {
    const value = load(Buffer.from(base64, 'base64'));
    expect(plain(value)).toEqual([...SCALARS, Infinity, ...STRINGS, ...CONTAINERS]);
    const [first, second] = isKind(value, 'list') ? value.items.slice(-2) : [];
    expect(first).toBe(second);
  });

  it.each([
    ['bytes of protocols 3 to 5', 'C\x02\0\xffB\x01\0\0\0a\x86', [Buffer.of(0, 255), Buffer.from('a')]],
    ['strings of Python 2', "S'it'\nU\x02ab\x86", ['it', 'ab']],
    ['escapes of Python 2', "S'\\x00\\xff\\n\\r\\t\\\\x41\\'\\q'\nS\"'\\\"\"\n\x86", ["\0\xff\n\r\t\\x41'\\q", '\'"']],
    ['an empty LONG1', '\x8a\0', 0],
    ['DUP and POP', 'NK\x0120\x86', [null, 1]],
    ['POP_MARK', 'N(K\x01K\x021', null],
    ['PUT and GET by text', 'I5\np7\n0g7\n', 5],
    ['LIST, DICT of protocol 0', '((lI1\nd', [[[], 1]]],
  ])('%s', (_, body, value) => {
    expect(plain(load(raw(`\x80\x04${body}.`)))).toEqual(value);
  });

  it('keys such as __proto__ are only keys', () => {
    const value = load(
      pickle(dict({ __proto__x: none, constructor: int(1), ['__proto__']: dict({ polluted: raw('\x88') }) })),
    );
    expect(isKind(value, 'dict') && [...value.entries.keys()]).toEqual(['__proto__x', 'constructor', '__proto__']);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('a container may hold itself', () => {
    const value = load(raw('\x80\x02]q\0h\0a.'));
    expect(isKind(value, 'list') && value.items[0]).toBe(value);
  });
});

describe('objects', () => {
  const inert = (module: string, name: string, args: unknown[]) =>
    expect.objectContaining({ kind: 'placeholder', module, name, args });

  it.each([
    ['REDUCE', call(global('a.b', 'C'), int(1))],
    ['NEWOBJ', join(global('a.b', 'C'), tuple(int(1)), raw('\x81'))],
    ['OBJ', join(raw('('), global('a.b', 'C'), int(1), raw('o'))],
    ['INST', join(raw('('), int(1), raw('ia.b\nC\n'))],
    ['STACK_GLOBAL', join(text('a.b'), text('C'), raw('\x93'), tuple(int(1)), raw('R'))],
  ])('%s of an unknown class leaves a placeholder', (_, body) => {
    expect(load(pickle(body))).toEqual(inert('a.b', 'C', [1]));
  });

  it('NEWOBJ_EX records the keywords too', () => {
    const value = load(pickle(join(global('a', 'C'), tuple(int(1)), dict({ x: int(2) }), raw('\x92'))));
    expect(value).toMatchObject({ kind: 'placeholder', args: [{ kind: 'tuple' }, { kind: 'dict' }] });
  });

  it('BUILD, APPENDS and SETITEMS on a placeholder are recorded', () => {
    const filled = join(
      call(global('a', 'C')),
      raw('('),
      int(1),
      raw('e('),
      text('k'),
      int(2),
      raw('u'),
      text('state'),
      raw('b'),
    );
    expect(load(pickle(filled))).toMatchObject({ items: [1], entries: new Map([['k', 2]]), state: 'state' });
  });

  it('calling a placeholder, or a getattr it was given, stays inert', () => {
    const value = load(
      pickle(call(call(global('builtins', 'getattr'), global('os', 'x'), text('system')), text('touch x'))),
    );
    expect(value).toEqual(inert('builtins', 'getattr', ['touch x']));
  });

  it('an OrderedDict of Python 2 comes from a list of pairs', () => {
    const value = load(pickle(call(global('collections', 'OrderedDict'), list(list(text('a'), int(1))))));
    expect(plain(value)).toEqual([['a', 1]]);
  });

  it.each([
    ['posix', 'system'],
    ['os', 'system'],
    ['nt', 'system'],
    ['subprocess', 'Popen'],
    ['importlib', 'import_module'],
    ['builtins', 'eval'],
    ['__builtin__', 'exec'],
  ])('a call of %s.%s is named as hostile', (module, name) => {
    expect(() => load(pickle(call(global(module, name), text('touch x'))))).toThrow(`would run "${module}.${name}"`);
  });
});

describe('damaged pickles', () => {
  it.each([
    ['an empty stack', '0.'],
    ['a value below the mark', 'N(0.'.replace('0', '\x85')],
    ['no mark', 't.'],
    ['an unknown opcode', '\xff.'],
    ['an opcode of copyreg', '\x82\x01.'],
    ['an unwritten memo entry', 'h\x05.'],
    ['memo entry NaN', 'gx\n.'],
    ['a key without a value', '}(Nu.'],
    ['items of a number', 'K\x01(NNu.'],
    ['an append to a number', 'K\x01Na.'],
    ['a call of a number', 'K\x01)R.'],
    ['arguments that are no tuple', 'ca\nb\n]R.'],
    ['a global of numbers', 'NN\x93.'],
    ['an object of no class', '(o.'],
    ['values left over', 'NN.'],
    ['an open mark', '(N.'],
    ['an integer of letters', 'Iabc\n.'],
    ['an integer of many digits', `L${'9'.repeat(200)}L\n.`],
    ['an integer of many bytes', `\x8a\xff${'x'.repeat(255)}.`],
    ['a string without quotes', 'Sabc\n.'],
    ['a persistent id that is text', 'P0\n.'],
    ['a persistent id of nothing', ')Q.'],
  ])('%s', (_, body) => {
    expect(() => load(raw(`\x80\x02${body}`))).toThrow(CheckpointError);
    expect(() => load(raw(`\x80\x02${body}`))).toThrow(/pickle is damaged/);
  });

  it('says where', () => {
    expect(() => load(raw('\x80\x02N(\x85.'))).toThrow('(byte 4, opcode TUPLE1): it takes a value from an empty stack');
  });

  it.each([
    ['nothing', ''],
    ['no STOP', '\x80\x02N'],
    ['a string of 4 GB', 'X\xff\xff\xff\xff'],
    ['bytes of 2^63', '\x8e\0\0\0\0\0\0\0\x80'],
    ['an integer of 2 GB', '\x8b\xff\xff\xff\x7f'],
    ['a line without end', 'cos'],
  ])('%s ends too early', (_, body) => {
    expect(() => load(raw(body))).toThrow(TruncatedPickle);
  });
});

describe('hostile pickles take under a second, and little memory', () => {
  const million = 1_000_000;
  const pairs = list(repeat(tuple(none, none), 50_000));
  const orderedDict = global('collections', 'OrderedDict');
  it.each([
    ['values', repeat(none, 4 * million)],
    ['empty dicts', repeat(raw('}'), million)],
    ['placeholders', join(global('a', 'b'), put(0), repeat(join(get(0), raw(')R')), million))],
    ['sets', repeat(raw('\x8f'), million)],
    ['marks', repeat(raw('('), million)],
    ['nested tuples', join(none, repeat(raw('\x85'), million))],
    ['memo entries', join(none, repeat(raw('\x94'), million))],
    ['long integers', repeat(join(raw('\x8a\x09'), Buffer.alloc(9, 7)), million)],
    ['short strings', repeat(raw('U\x01x'), 2 * million)],
    ['globals', repeat(raw('ca\nb\n'), million)],
    [
      'dicts copied from one list',
      join(pairs, put(0), orderedDict, put(1), repeat(join(get(1), get(0), raw('\x85R')), 5_000)),
    ],
  ])('%s', async (_, body) => {
    const bytes = pickle(body);
    expect(await cpuMilliseconds(() => expect(() => load(bytes)).toThrow(CheckpointError))).toBeLessThan(1_000);
  });
});

it('every opcode of protocols 0 to 5 is in the table', () => {
  // pickletools.opcodes of CPython 3.11, but for STOP.
  expect(OPCODES.size).toBe(67);
});
