import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join as joinPath, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../../../src/checkpoints/read-checkpoint.ts';
import { call, dict, get, global, join, none, pickle, put, raw, tensor, text, tuple } from './support/pickles.ts';
import { fixture, read, refusal, torchZip } from './support/read.ts';

const MARKER = 'PWNED-BY-PICKLE';
const command = text(`touch ${MARKER}`);
const system = global('posix', 'system');

afterEach(() => expect(existsSync(MARKER)).toBe(false));

describe('pickles that would run a command in Python', () => {
  it.each(['hostile.pt', 'hostile.legacy.pt'])('%s is refused, and says what it would have run', async (name) => {
    const message = await refusal(readCheckpoint(fixture(name)));
    expect(message).toContain('is hostile: its pickle would run "posix.system"');
    expect(message).toContain('nothing was run here');
  });

  it.each([
    ['REDUCE', call(system, command)],
    ['INST', join(raw('('), command, raw('iposix\nsystem\n'))],
    ['OBJ', join(raw('('), system, command, raw('o'))],
    ['NEWOBJ', join(system, tuple(command), raw('\x81'))],
    ['NEWOBJ_EX', join(system, tuple(command), dict({}), raw('\x92'))],
    ['STACK_GLOBAL', join(text('posix'), text('system'), raw('\x93'), tuple(command), raw('R'))],
    ['a name from the memo', join(system, put(0), raw('0'), call(get(0), command))],
  ])('by %s', async (_, value) => {
    expect(await refusal(read(torchZip(dict({ w: tensor(), x: value }))))).toContain('is hostile');
    expect(await refusal(read(pickle(value)))).toContain('is hostile');
  });

  it.each([
    ['getattr', call(call(global('builtins', 'getattr'), global('os', 'path'), text('system')), command)],
    ['a function handed to another', call(global('functools', 'partial'), system, command)],
    ["an object's own __setstate__", join(call(global('lib', 'Runs')), command, raw('b'))],
    ['a name no table knows', call(global('lib.startup', 'main'), command)],
    ['map', call(global('builtins', 'map'), system, tuple(command))],
    ['a tensor subclass', call(global('torch._tensor', '_rebuild_from_type_v2'), system, none, tuple(command), none)],
    [
      'a pickle inside bytes',
      call(global('torch.storage', '_load_from_bytes'), join(raw('C\x0b'), raw('cos\nsystem\n'))),
    ],
    ['a persistent module', join(tuple(text('module'), system, none, none), raw('Q'))],
  ])('by way of %s stays data without weights', async (_, value) => {
    expect(await refusal(read(torchZip(dict({ state_dict: value }))))).toContain('holds no weights');
  });
});

it('nothing in src/checkpoints can run code by name', () => {
  const folder = resolve(import.meta.dirname, '../../../src/checkpoints');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  expect(sources.length).toBeGreaterThan(15);
  for (const name of sources) {
    const code = readFileSync(joinPath(folder, name), 'utf8').replace(
      /\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'(?=[ .)])/g,
      '',
    );
    expect(code, name).not.toMatch(
      /\beval\(|new Function|\bimport\(|\brequire\(|node:(child_process|vm|worker_threads|module)/,
    );
  }
});
