import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { InputError } from '../../../../src/errors.ts';
import { configName, readConfig, readConfigWith } from '../../../../src/schemas/config-text/read.ts';
import { parseYamlText } from '../../../../src/schemas/config-text/yaml.ts';
import { parseConfig } from '../../../../src/schemas/parse-config.ts';
import { ROOT } from '../../../support/markdown.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const read = (text: string, file: string) => readConfig(bytesOf(text), file);

/** What is said of a file that is refused. */
async function refusal(content: string | Uint8Array, file: string): Promise<string> {
  const bytes = typeof content === 'string' ? bytesOf(content) : content;
  const error: unknown = await readConfig(bytes, file).catch((reason: unknown) => reason);
  if (error instanceof InputError) return error.message;
  throw new Error(`${file} was read`, { cause: error });
}

function utf16(text: string, order: 'LE' | 'BE'): Uint8Array {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  return order === 'LE' ? bytes : bytes.swap16();
}

describe('the encoding of a config', () => {
  const [text, value] = ['{"test": "Bilder/grün/日本/😀"}', { test: 'Bilder/grün/日本/😀' }];

  test.each([
    ['UTF-8', bytesOf(text)],
    ['UTF-8 with a byte-order mark', bytesOf(`\ufeff${text}`)],
    ['UTF-16, as PowerShell writes it', utf16(text, 'LE')],
    ['UTF-16 in the other order', utf16(text, 'BE')],
  ])('%s', async (_, bytes) => {
    for (const file of ['c.json', 'c.jsonc', 'c.yaml']) expect(await readConfig(bytes, file)).toEqual(value);
  });

  test.each([
    [
      'a byte of Latin-1',
      Buffer.from('{\n "test":\n "gr\xfcn"}', 'latin1'),
      'c.json is not UTF-8 (line 3): save it as UTF-8',
    ],
    ['half a character of UTF-16', utf16(text, 'LE').subarray(0, -1), 'c.json is not UTF-16LE: save it as UTF-8'],
    ['UTF-16 without a mark', Buffer.from(text, 'utf16le').subarray(0, 20), 'c.json is no text, or UTF-16 without'],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0]), 'c.json is UTF-32, which is not read'],
  ])('refuses %s', async (_, bytes, message) => {
    expect(await refusal(bytes, 'c.json')).toContain(message);
  });
});

describe('a key that stands twice', () => {
  test.each(['c.json', 'c.jsonc', 'c.yaml'])('is named with both its places, in %s', async (file) => {
    const text = '{"seed": 1,\n "threat": {"epsilon": "4/255",\n\n   "epsilon": "8/255"}}';
    expect(await refusal(text, file)).toBe(
      `${file}: "threat.epsilon" stands twice, at line 2, column 13 and at line 4, column 4: leave one out`,
    );
    expect(await refusal('{"suite": [{"a": 1, "\\u0061": 2}]}', file)).toContain('"suite.0.a" stands twice');
  });

  test('in blocks of YAML, where one may be in quotes', async () => {
    expect(await refusal('seed: 1\nsuite: apgd\n"seed": 2\n', 'c.yml')).toContain(
      'at line 1, column 1 and at line 3, column 1',
    );
    expect(await refusal('at:\n  25: a\n  "25": b\n', 'c.yaml')).toContain('"at.25" stands twice');
  });

  test('is none in two sections', async () => {
    expect(await read('{"a": {"x": 1}, "b": {"x": 1}, "x": 1}', 'c.json')).toEqual({ a: { x: 1 }, b: { x: 1 }, x: 1 });
  });
});

describe('JSON', () => {
  test.each([
    ['{"a": 1\n "b": 2}', 'line 2, column 2: a comma is missing before this'],
    [
      '{"a": 8/255}',
      'line 1, column 8: "/" cannot stand here: keys, texts and fractions such as "8/255" stand in double quotes',
    ],
    ["{'a': 1}", `line 1, column 2: "'a'" cannot stand here`],
    ['{"a": True}', '"True" cannot stand here'],
    ['{"a": "C:\\models"}', 'has a backslash that stands for nothing: write two, or a slash'],
    ['{"a": "b\n}', 'line 1, column 7: a text does not end on its line'],
    ['{"a": [1, 2}', 'line 1, column 12: '],
    ['{"a": 1}}', 'line 1, column 9: something follows the end'],
    ['{', 'line 1, column 2: a closing brace is missing'],
    [' \n', 'it is empty'],
    ['', 'it is empty'],
  ])('%j is none', async (text, message) => {
    for (const file of ['c.json', 'c.jsonc']) expect(await refusal(text, file)).toContain(message);
    expect(await refusal(text, 'c.json')).toMatch(/^c\.json is not JSON: /);
  });

  test.each([
    ['{"a":\u00a0true}', 'U+00A0', 6],
    ['{"a": 1\u200b}', 'U+200B', 8],
    ['{"a": 1}\ufeff', 'U+FEFF', 9],
    ['{"a":\v1}', 'U+000B', 6],
  ])('has no %j: who sees only spaces is told what is one of another kind', async (text, name, column) => {
    expect(await refusal(text, 'c.json')).toBe(
      `c.json is not JSON: line 1, column ${column}: ${name}, a character that is not seen, cannot stand here: take it out, or put a space in its place`,
    );
  });

  test('has comments and commas after the last entry in .jsonc', async () => {
    const text = '// why\n{"a": [1, 2,], /* and */ "b": "// none", "__proto__": {"c": 1,},}\n';
    expect(JSON.stringify(await read(text, 'c.JSONC'))).toBe('{"a":[1,2],"b":"// none","__proto__":{"c":1}}');
    expect(await refusal(text, 'runs/c.json')).toBe(
      'runs/c.json is not JSON: line 1, column 1: comments and commas after a last entry are for .jsonc files: call it "c.jsonc", or take them out',
    );
    expect(await refusal('[1,]', '/dev/stdin')).toContain('call it NAME.jsonc');
    expect(await refusal('{"a": 1,, /* 2 */}', 'c.json')).not.toContain('.jsonc');
  });

  test('holds no number that is infinite, and no end of levels', async () => {
    expect(await refusal('{"threat": {"epsilon":\n 1e999}}', 'c.json')).toBe(
      'c.json, line 2, column 2: threat.epsilon is more than a number holds',
    );
    for (const file of ['c.json', 'c.yaml'])
      for (const levels of [100, 20_000])
        expect(await refusal('['.repeat(levels) + ']'.repeat(levels), file)).toContain('more than 64 deep');
    // What parses YAML is not let near the end of its stack, where a regular expression ends the process.
    for (const text of ['['.repeat(20_000), '- '.repeat(20_000), '{a: '.repeat(20_000)])
      expect(await refusal(text, 'c.yaml')).toMatch(/line 1, column (68|134|266): .* more than 64 deep/);
  });
});

describe('YAML', () => {
  test('is of version 1.2: what 1.1 reads as false, octal or a time is a text', async () => {
    const text = 'name: no\nvariants: [none, off, y]\nepsilon: 8/255\nat: 2026-11-27\nratio: 1:30\nbig: 1_000\n8: ~\n';
    const value = { name: 'no', variants: ['none', 'off', 'y'], epsilon: '8/255', at: '2026-11-27', ratio: '1:30' };
    expect(await read(text, 'c.yaml')).toEqual({ ...value, big: '1_000', '8': null });
    expect(await read('[0x10, 0o10, +5, .5, 1e-3, -1.50]', 'c.yml')).toEqual([16, 8, 5, 0.5, 0.001, -1.5]);
  });

  test('is told where a space is none, beside what the parser makes of it', async () => {
    expect(await refusal('name: a\nseed:\u00a01\nsuite: apgd\n', 'c.yaml')).toContain(
      '(at line 2, column 6 is U+00A0, which is no space)',
    );
    expect(await refusal('name: a: b\nc: "\u00a0"\n', 'c.yaml')).not.toContain('U+00A0');
  });

  test('takes anchors, but not without end', async () => {
    expect(await read('a: &s {x: 1}\nb: *s\n', 'c.yaml')).toEqual({ a: { x: 1 }, b: { x: 1 } });
    const letters = [...'abcdefgh'];
    const bomb = letters.map(
      (name, at) => `${name}: &${name} [${Array(9).fill(at === 0 ? 'lol' : `*${letters[at - 1]}`)}]`,
    );
    expect(await refusal(bomb.join('\n'), 'c.yaml')).toContain('its aliases (*) stand for too much');
    expect(await refusal('a: &s [1, *s]', 'c.yaml')).toContain(
      'line 1, column 11: *s stands for what no anchor before it',
    );
    expect(await refusal('a: *s\nb: &s 1', 'c.yaml')).toContain('*s stands for what no anchor before it');
  });

  test.each([
    ['a: 1\nb: 010', 'line 2, column 4: b: 010 is 10 in YAML 1.2, and octal for some'],
    ['a: {b: .inf}', 'a.b: .inf is no number that a config takes'],
    ['a: .nan', '.nan is no number'],
    ['sha256: 1234e5678', '1234e5678 is no number that a config takes; if it is a text, put it in quotes'],
    ['sha256: 1234567890123456789', 'has more digits than a number holds; if it is a text, put it in quotes'],
    ['a: !!binary aGk=', 'line 1, column 4: Unresolved tag: tag:yaml.org,2002:binary: leave it out'],
    ['a: !run b', 'Unresolved tag: !run: leave it out'],
    ['base: &b {x: 1}\nc:\n  <<: *b', 'line 3, column 3: YAML 1.2 has no merge keys'],
    ['a: 1\n---\nb: 2', 'a second document begins'],
    ['%YAML 1.1\n---\na: yes', 'YAML 1.1 is not read'],
    ['%YAML 2.0\n---\na: yes', 'Unsupported YAML version 2.0'],
    ['? [a, b]\n: 1', 'line 1, column 3: With stringKeys, all keys must be strings'],
    ['a:\n\tb: 1', 'line 2, column 1: Tabs are not allowed as indentation'],
    ['a: b: c', 'line 1, column 4: Nested mappings are not allowed'],
    ['# nothing', 'it is empty'],
  ])('%j is refused', async (text, message) => {
    const said = await refusal(text, 'c.yaml');
    expect(said).toContain(message);
    expect(said).toMatch(/^c\.yaml is not YAML: /);
  });
});

describe('every value', () => {
  const SEED = { seed: 15, numRuns: 300 };
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom(...'no:# \t\n\r\\"\'/*,-[]{}&!|>%@`~.0x1e_\u2028\u0085\u007f😀'),
      fc.string({ maxLength: 1 }),
    ),
  });
  const key = fc.oneof(text, fc.constantFrom('__proto__', 'no', '1', '0.10', 'a', 'b'));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false, '8/255', 'none', 'null', '010', '1e3', '.inf', '<<'),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      text,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4 }).filter((entries) => !Object.keys(entries).includes('<<')),
    ),
  }));
  const readNow = (written: string, file: string) => readConfigWith(parseYamlText, bytesOf(written), file);

  test('is the same in every form', () => {
    fc.assert(
      fc.property(value, (whole) => {
        const json = JSON.stringify(whole);
        const commented = JSON.stringify(whole, null, 1)
          .replaceAll(/([[{,])\n/g, '$1 // "," {\n')
          .replace(/(.)\n([\]}])$/, '$1, /* } */\n$2');
        for (const [file, written] of [
          ['c.json', json],
          ['c.json', JSON.stringify(whole, null, '\t')],
          ['c.jsonc', commented.replace(/([[{]) \/\/ "," \{\n,/, '$1')],
          ['c.yaml', json],
          ['c.yaml', stringify(whole, { version: '1.2' })],
        ] as const)
          expect(JSON.stringify(readNow(written, file)), `${file}: ${written}`).toBe(json);
      }),
      SEED,
    );
  });

  test('is read of JSON exactly where JSON.parse reads one', () => {
    const damaged = fc
      .tuple(
        value,
        fc.nat(),
        fc.constantFrom('', ',', '"', '0', '\\', '}', ']', ' ', '-', '.', 'e', '\u00a0', '\u0001'),
        fc.nat(2),
      )
      .map(([whole, at, put, cut]) => {
        const json = JSON.stringify(whole);
        const position = at % (json.length + 1);
        return json.slice(0, position) + put + json.slice(position + cut);
      });
    const parsed = (written: string) => {
      try {
        return JSON.stringify(JSON.parse(written));
      } catch {
        return 'refused';
      }
    };
    fc.assert(
      fc.property(damaged, (written) => {
        let ours: string;
        try {
          ours = JSON.stringify(readNow(written, 'c.json'));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          if (/stands twice|more than a number holds/.test((error as Error).message)) return;
          ours = 'refused';
        }
        expect(ours, written).toBe(parsed(written));
      }),
      SEED,
    );
  });
});

test('the name of a config is what stands before its suffix', () => {
  const files = [
    'a.json',
    'team/a.b.YAML',
    'a.jsonc',
    'a.yml',
    's3://b/c.yaml?versionId=x.y',
    'a.txt',
    'yaml',
    'a.json.bak',
  ];
  expect(files.map(configName)).toEqual(['a', 'team/a.b', 'a', 'a', 's3://b/c', undefined, undefined, undefined]);
});

test('the example of the documentation is a config', async () => {
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(readFileSync(`${ROOT}docs/config.md`, 'utf8')) ?? [];
  const config = await read(example, 'example.yaml');
  expect(config).toMatchObject({ name: 'my-run', variants: ['none'], threat: { epsilon: '8/255' } });
  expect(parseConfig(JSON.stringify(config), 'example.yaml').threat.epsilon).toBeCloseTo(8 / 255, 15);
});

test('an object of a bucket is read by its name, whichever version is meant', async () => {
  expect(await read('a: 1', 's3://b/c.yaml?versionId=x.json')).toEqual({ a: 1 });
});
