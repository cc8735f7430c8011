import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { call, dict, global, int, none, pickle, storage, tensor, tuple } from './support/pickles.ts';
import { fixture, read, refusal, STORED, torchZip, values } from './support/read.ts';
import { zip } from './support/zip.ts';

const weights = dict({ w: tensor() });
const stored = new Uint8Array(Float32Array.from(STORED).buffer);
const storageRecord = { name: 'archive/data/0', data: stored };

describe('the zip archive', () => {
  it('is read from a folder of any name, or none', async () => {
    for (const root of ['', 'my model/']) {
      const { state } = await read(
        zip([
          { name: `${root}data.pkl`, data: pickle(weights) },
          { name: `${root}data/0`, data: stored },
        ]),
      );
      expect(values(state.get('w'))).toEqual(STORED);
    }
  });

  it('may be compressed', async () => {
    const { state, notes } = await read(
      torchZip(weights, [
        { name: 'archive/data.pkl', data: pickle(weights), deflated: true },
        { ...storageRecord, deflated: true },
      ]),
    );
    expect(values(state.get('w'))).toEqual(STORED);
    expect(notes).toEqual([]);
  });

  it('may be written on a big-endian machine', async () => {
    const swapped = Buffer.from(stored).swap32();
    const { state } = await read(
      torchZip(weights, [
        { name: 'archive/byteorder', data: Buffer.from('big') },
        { name: 'archive/data/0', data: swapped },
      ]),
    );
    expect(values(state.get('w'))).toEqual(STORED);
  });

  it('a wrong CRC-32 is noted: PyTorch can be told not to compute any', async () => {
    const { state, notes } = await read(torchZip(weights, [{ ...storageRecord, crc: 1 }]));
    expect(values(state.get('w'))).toEqual(STORED);
    expect(notes).toEqual([expect.stringContaining('do not match their CRC-32 ("archive/data/0")')]);
  });

  it('storages that no weight needs are not read', async () => {
    const beside = dict({
      state_dict: dict({ w: tensor(), v: tensor() }),
      optimizer: dict({ m: tensor({ key: 'missing' }) }),
    });
    expect((await read(torchZip(beside))).state.size).toBe(2);
  });

  it.each([
    ['two records of one name', [storageRecord, storageRecord], 'two records named "archive/data/0"'],
    ['an encrypted record', [{ ...storageRecord, flags: 1 }], 'is encrypted'],
    ['an unknown compression', [{ ...storageRecord, method: 12 }], 'compressed by method 12'],
    ['a record that inflates to less', [{ ...storageRecord, deflated: true, claimedSize: 99 }], 'is cut short'],
    ['a record that inflates to more', [{ ...storageRecord, deflated: true, claimedSize: 3 }], 'cut short or damaged'],
    ['a record that is not deflated', [{ ...storageRecord, method: 8 }], 'cut short or damaged'],
    [
      'a terabyte of zeros',
      [{ ...storageRecord, deflated: true, claimedSize: 2 ** 32 - 2 }],
      'far more than the file can hold',
    ],
    ['an unknown byte order', [{ name: 'archive/byteorder', data: Buffer.from('middle') }], 'byte order "middle"'],
    ['two checkpoints', [{ name: 'other/data.pkl', data: pickle(weights) }], 'several checkpoints'],
    ['a path outside the archive', [{ name: '../data/0', data: stored }], 'cut short or damaged'],
  ])('with %s is refused', async (_, records, message) => {
    expect(await refusal(read(torchZip(weights, records)))).toContain(message);
  });

  it('that is no checkpoint is refused', async () => {
    expect(await refusal(read(zip([{ name: 'cat.png', data: stored }])))).toContain('it holds "cat.png", no data.pkl');
    expect(await refusal(read(zip([])))).toContain('empty zip');
  });

  it('cut short anywhere is refused', async () => {
    const whole = readFileSync(fixture('tiny.pt'));
    for (let length = 4; length < whole.length; length += 7) {
      await refusal(read(whole.subarray(0, length)));
    }
  });
});

describe('tensors', () => {
  const refused = async (spec: Parameters<typeof tensor>[0]) => refusal(read(torchZip(dict({ w: tensor(spec) }))));

  it('are refused where they do not fit their storage', async () => {
    expect(await refused({ sizes: [5] })).toContain('"w" [5] reaches past the 4 elements of its storage "0"');
    expect(await refused({ offset: 1 })).toContain('reaches past');
    expect(await refused({ offset: 2 ** 31 - 1 })).toContain('reaches past');
    expect(await refused({ sizes: [2, 2], strides: [4, 1] })).toContain('reaches past');
    expect(await refused({ length: 8, sizes: [8] })).toContain('reaches past the 4 elements');
    expect(await refused({ length: 2 })).toContain('reaches past the 2 elements');
    expect(await refused({ sizes: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], strides: [2 ** 31 - 1, 1, 1] })).toContain(
      'reaches past',
    );
  });

  it('are refused where sizes, strides or offset are not counts', async () => {
    for (const spec of [{ sizes: [-1] }, { strides: [-1] }, { offset: -1 }, { length: -1 }]) {
      expect(await refused(spec)).toContain('pickle is damaged');
    }
    expect(await refused({ sizes: Array.from({ length: 65 }, () => 1) })).toContain('pickle is damaged');
    expect(await refused({ sizes: [2, 2], strides: [1] })).toContain('has 1 strides');
  });

  it('expanded to more than the file can account for are refused, at once', async () => {
    const started = performance.now();
    const most = 2 ** 31 - 1;
    for (const sizes of [[most], [most, most], Array.from({ length: 60 }, () => most)]) {
      expect(await refused({ sizes, strides: sizes.map(() => 0) })).toContain('far more than the file can hold');
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('of no elements need no storage', async () => {
    const { state } = await read(
      torchZip(dict({ w: tensor({ key: 'none', length: 0, sizes: [2, 0], strides: [1, 1] }) })),
    );
    expect(state.get('w')).toEqual({ type: 'float32', dims: [2, 0], data: new Float32Array(0) });
  });

  it('name what is missing', async () => {
    expect(await refused({ key: '7' })).toBe(
      'has no storage "archive/data/7" for "w": the file is incomplete; fetch it again',
    );
  });

  it('of types no classifier has are refused by name', async () => {
    expect(await refused({ storageType: 'ComplexFloatStorage' })).toContain('"w" is of type "complex64"');
    expect(await refused({ storageType: 'Float4Storage' })).toContain('"torch.Float4Storage"');
  });

  const orderedDict = call(global('collections', 'OrderedDict'));

  it('of newer types say theirs beside an untyped storage', async () => {
    const untyped = storage({ storageType: 'UntypedStorage', length: 16 });
    const rebuild = global('torch._utils', '_rebuild_tensor_v3');
    const w = call(
      rebuild,
      untyped,
      int(0),
      tuple(int(8)),
      tuple(int(1)),
      none,
      orderedDict,
      global('torch', 'uint16'),
    );
    const { state } = await read(torchZip(dict({ w })));
    expect(state.get('w')).toEqual({ type: 'uint16', dims: [8], data: new Uint16Array(stored.buffer) });
  });

  it('of subclasses are tensors', async () => {
    const rebuild = global('torch._utils', '_rebuild_tensor_v2');
    const args = tuple(storage(), int(0), tuple(int(4)), tuple(int(1)), none, orderedDict);
    const w = call(global('torch._tensor', '_rebuild_from_type_v2'), rebuild, global('lib', 'Masked'), args, dict({}));
    const parameter = call(global('torch._utils', '_rebuild_parameter_with_state'), w, none, orderedDict, dict({}));
    const { state } = await read(torchZip(dict({ w, parameter })));
    expect(values(state.get('w'))).toEqual(STORED);
    expect(values(state.get('parameter'))).toEqual(STORED);
  });
});
