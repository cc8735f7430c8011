import { describe, expect, it } from 'vitest';
import {
  call,
  dict,
  get,
  global,
  int,
  join,
  list,
  none,
  put,
  raw,
  repeat,
  tensor,
  text,
  tuple,
} from './support/pickles.ts';
import { read, refusal, STORED, torchZip, values } from './support/read.ts';
import { cpuMilliseconds } from './support/time.ts';

const names = async (root: Uint8Array) => [...(await read(torchZip(root))).state.keys()];
const notes = async (root: Uint8Array) => (await read(torchZip(root))).notes;
const two = dict({ a: tensor(), b: tensor() });

describe('several state dicts of one network', () => {
  const swa = dict({ a: tensor(), b: tensor(), n_averaged: tensor() });

  it.each([
    ['model and swa, which has a counter more', dict({ model: two, swa })],
    [
      'last and best, one of them behind a wrapper',
      dict({ last: two, best: dict({ 'module.a': tensor(), 'module.b': tensor() }) }),
    ],
    [
      'averaged weights without their counters',
      dict({ net: dict({ a: tensor(), b: tensor(), c: tensor() }), ema: two }),
    ],
  ])('%s: neither is chosen by the number of its tensors', async (_, root) => {
    expect(await refusal(read(torchZip(root)))).toContain('2 state dicts of one network, under');
  });

  it('are told apart by the beginning of names, too', async () => {
    const root = dict({ 'student.a': tensor(), 'student.b': tensor(), 'teacher.a': tensor() });
    expect([...(await read(torchZip(root), 'student')).state.keys()]).toEqual(['a', 'b']);
    const nested = dict({ net: root });
    expect([...(await read(torchZip(nested), 'net.teacher')).state.keys()]).toEqual(['a']);
  });
});

describe('finding the state dict', () => {
  it.each([
    ['at the top', two],
    ['under a common key', dict({ epoch: int(3), model_state_dict: two })],
    ['under any key', dict({ whatever: dict({ deeper: two }) })],
    ['in a list', list(int(1), two)],
    ["in an object's state", join(call(global('lib', 'Trainer')), dict({ net: two }), raw('b'))],
    [
      'in a dict of a foreign class',
      join(call(global('lib', 'AttrDict')), raw('('), text('a'), tensor(), text('b'), tensor(), raw('u')),
    ],
    ['beside smaller ones', dict({ scheduler: dict({ t: tensor() }), net: two })],
  ])('%s', async (_, root) => {
    expect(await names(root)).toEqual(['a', 'b']);
  });

  it('never in what an optimizer keeps for each parameter', async () => {
    const slots = dict({ step: tensor(), exp_avg: tensor(), exp_avg_sq: tensor() });
    const optimizer = dict({ state: dict([[int(0), slots]]), param_groups: list(dict({ params: list(int(0)) })) });
    expect(await names(dict({ optimizer, net: two }))).toEqual(['a', 'b']);
  });

  it('one that is referred to twice counts once', async () => {
    expect(await names(dict({ model: join(two, put(0)), best: get(0) }))).toEqual(['a', 'b']);
  });

  it('notes where it was, and what was not used', async () => {
    expect(await notes(dict({ net: two, discriminator: dict({ c: tensor() }) }))).toEqual([
      'weights are those under "net"',
      'other weights in the file are not used: "discriminator"',
    ]);
  });

  it('leaves out what is no tensor, and says so', async () => {
    const packed = call(global('lib', 'Packed'), none);
    const state = dict({ a: tensor(), scale: int(2), packed });
    expect(await names(state)).toEqual(['a']);
    expect(await notes(state)).toEqual(['left out what is no tensor: "scale" (a number), "packed" ("lib.Packed")']);
  });

  it.each([
    ['torch._utils', '_rebuild_qtensor'],
    ['torch._utils', '_rebuild_sparse_tensor'],
    ['torch._utils', '_rebuild_meta_tensor_no_storage'],
    ['numpy._core.multiarray', '_reconstruct'],
  ])('is refused where one of its tensors is of a kind that igd does not read: %s.%s', async (module, name) => {
    const state = dict({ a: tensor(), bias: call(global(module, name), none) });
    expect(await refusal(read(torchZip(state)))).toContain(`"bias" is "${module}.${name}", which igd does not read`);
  });

  it('names what may be the mean and deviation of images beside it', async () => {
    const aside = async (root: Uint8Array, path?: string) => (await read(torchZip(root), path)).aside;
    const three = tensor({ sizes: [3] });
    const pair = { mean: three, std: list(int(1), int(2), int(3)) };
    expect(await aside(dict({ net: two, ...pair }))).toEqual(['mean', 'std']);
    expect(await aside(dict({ net: two, norm: dict({ mu: list(int(1)), sigma: list(int(1)) }) }))).toEqual([
      'norm.mu',
      'norm.sigma',
    ]);
    expect(
      await aside(dict({ 'net.a': tensor(), 'net.b': tensor(), 'norm.mean': three, 'norm.std': three }), 'net'),
    ).toEqual(['norm.mean', 'norm.std']);
    expect(await aside(dict({ a: tensor(), b: tensor(), mean: three, std: three }))).toEqual([]);
    expect(await aside(dict({ net: two, mean: three, losses: dict({ std: int(1) }) }))).toEqual([]);
  });

  it.each([
    ['None', none, 'it is None'],
    ['an empty dict', dict({}), 'it is a dict'],
    [
      'numbers',
      dict({ epoch: int(1), lr: raw('G\0\0\0\0\0\0\0\0') }),
      'it is a dict of "epoch" (a number), "lr" (a number)',
    ],
    [
      'many things',
      dict({ a: none, b: text(''), c: list(), d: none, e: none, f: none }),
      '"c" (a list), "d" (None), 2 more',
    ],
    ['a single tensor', tensor(), 'it is a tensor'],
    ['a foreign object', call(global('lib', 'Net')), 'it is "lib.Net"'],
    ['a class', global('lib', 'Net'), 'it is "lib.Net"'],
  ])('of %s is an error that says what was found', async (_, root, message) => {
    expect(await refusal(read(torchZip(root)))).toContain(
      `holds no weights: ${message.startsWith('it is') ? message : ''}`,
    );
    expect(await refusal(read(torchZip(root)))).toContain(message);
  });

  it('keys such as __proto__ are names like any other', async () => {
    const state = (await read(torchZip(dict({ ['__proto__']: tensor(), constructor: tensor() })))).state;
    expect([...state.keys()]).toEqual(['__proto__', 'constructor']);
    expect(values(state.get('__proto__'))).toEqual(STORED);
  });
});

describe('prefixes', () => {
  it.each([
    ['module.', ['module.a', 'module.b']],
    ['module.model.', ['module.model.a', 'module.model.b']],
    ['_orig_mod.module.', ['_orig_mod.module.a', '_orig_mod.module.b']],
  ])('%s of all tensors is taken off', async (_, keys) => {
    expect(await names(dict(Object.fromEntries(keys.map((key) => [key, tensor()]))))).toEqual(['a', 'b']);
  });

  it.each([
    ['of some tensors', ['module.a', 'b']],
    ['that are all of a name', ['module.', 'module.a']],
    ['of the architecture', ['features.0', 'features.1']],
  ])('%s are kept', async (_, keys) => {
    expect(await names(dict(Object.fromEntries(keys.map((key) => [key, tensor()]))))).toEqual(keys);
  });

  it('sub_block1 stays where there is no block1', async () => {
    expect(await names(dict({ 'sub_block1.a': tensor(), 'fc.a': tensor() }))).toEqual(['sub_block1.a', 'fc.a']);
  });
});

describe('structures made to keep a reader busy', () => {
  /** A module whose table of children is what the stack and memo make of `children`. */
  const module = (children: Uint8Array) =>
    join(
      call(global('lib', 'Net')),
      dict({ _parameters: dict({ w: tensor() }), _buffers: dict({}), _modules: children }),
      raw('b'),
    );

  it.each([
    [
      'modules that contain themselves',
      join(dict({}), put(0), raw('0'), module(get(0)), put(1), get(0), text('child'), get(1), raw('s00')),
    ],
    ['2^40 modules by sharing', sharedModules(40)],
    ['2^40 modules of a program by sharing', sharedModules(40, scripted)],
    ['many modules of many shared children', manyModules()],
    ['2^30 lists by sharing', join(list(), put(0), repeat(join(raw('0'), list(get(0), get(0)), put(0)), 30))],
    ['lists 5,000 deep', join(list(), put(0), repeat(join(raw('0'), list(get(0)), put(0)), 5_000))],
  ])('%s', async (_, root) => {
    expect(await cpuMilliseconds(() => refusal(read(torchZip(root))))).toBeLessThan(1_000);
  });

  function sharedModules(depth: number, made: (children: Uint8Array) => Uint8Array = module): Uint8Array {
    const level = join(raw('0'), made(dict({ left: get(0), right: get(0) })), put(0));
    return join(made(dict({})), put(0), repeat(level, depth));
  }

  /** A module of a TorchScript archive: its children are attributes. */
  function scripted(attributes: Uint8Array): Uint8Array {
    return join(global('__torch__', 'Net'), tuple(), raw('\x81'), attributes, raw('b'));
  }

  function manyModules(): Uint8Array {
    const leaf = join(module(dict({})), put(0), raw('0'));
    const keys = Array.from({ length: 2_000 }, (_, i) => join(text(`${i}`), get(0)));
    const children = join(raw('}('), ...keys, raw('u'), put(1), raw('0'));
    return join(leaf, children, list(repeat(module(get(1)), 2_000)));
  }
});
