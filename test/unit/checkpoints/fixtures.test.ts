import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readCheckpoint } from '../../../src/checkpoints/read-checkpoint.ts';
import { fixture, refusal, values } from './support/read.ts';

/** What PyTorch found in the files it wrote; see make_checkpoints.py. */
const Expected = z.record(
  z.string(),
  z.record(
    z.string(),
    z.object({
      type: z.string(),
      dims: z.array(z.number()),
      data: z.array(z.union([z.number(), z.boolean(), z.string()])),
    }),
  ),
);
const Demo = z.record(
  z.string(),
  z.object({ dims: z.array(z.number()), first: z.number(), last: z.number(), sum: z.number(), squares: z.number() }),
);

/** int64 values beyond 2^53 would lose digits as JSON numbers. */
const exactIntegers = (json: string) => json.replace(/(?<=[[ ])(-?\d{16,})(?=[,\]])/g, '"$1"');
const expected = Expected.parse(JSON.parse(exactIntegers(readFileSync(fixture('expected.json'), 'utf8'))));

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['inf', Infinity],
  ['-inf', -Infinity],
  ['nan', Number.NaN],
  ['-0.0', -0],
]);

/** A value of expected.json as an element of a tensor of this type. */
function element(value: number | boolean | string, type: string): number | bigint {
  if (type === 'int64') return BigInt(value);
  return typeof value === 'string' ? NUMBERS.get(value)! : Number(value);
}

async function expectAsWritten(name: string, stateDict?: string): Promise<readonly string[]> {
  const { state, notes } = await readCheckpoint(fixture(name), stateDict === undefined ? {} : { stateDict });
  const wanted = expected[name]!;
  expect([...state.keys()]).toEqual(Object.keys(wanted));
  for (const [key, { type, dims, data }] of Object.entries(wanted)) {
    const tensor = state.get(key)!;
    expect({ key, type: tensor.type, dims: tensor.dims }).toEqual({ key, type, dims });
    expect(values(tensor), key).toEqual(data.map((value) => element(value, type)));
  }
  return notes;
}

describe('checkpoints that PyTorch wrote', () => {
  it.each(['tiny.pt', 'tiny.protocol4.pt', 'tiny.zip64.pt', 'tiny.legacy.pt', 'tiny.legacy.protocol5.pt'])(
    '%s: a plain state dict',
    async (name) => {
      expect(await expectAsWritten(name)).toEqual([]);
    },
  );

  it.each(['layouts.pt', 'layouts.legacy.pt'])('%s: strides, offsets, shared and expanded storages', async (name) => {
    await expectAsWritten(name);
  });

  it.each(['dtypes.pt', 'dtypes.legacy.pt'])('%s: floats of any width come out as float32', async (name) => {
    await expectAsWritten(name);
  });

  it.each(['training.pt', 'training.legacy.pt'])(
    '%s: weights behind wrappers, among everything a script saves',
    async (name) => {
      expect(await expectAsWritten(name)).toEqual([
        'weights are those under "nested.model"',
        'took the prefix "module." off every name',
        'took the prefix "model." off every name',
      ]);
    },
  );

  it.each(['module.pt', 'module.legacy.pt'])('%s: a whole module, without its class', async (name) => {
    const notes = await expectAsWritten(name);
    expect(notes.join('\n')).toContain('whole module, "torch.nn.parallel.data_parallel.DataParallel"');
  });

  it('altered.pt: a module with a hook, and small buffers that state_dict() leaves out', async () => {
    const { state, modules = [] } = await readCheckpoint(fixture('altered.pt'));
    expect([...state.keys()]).toEqual(['0.mean', '0.std', '1.weight', '1.bias']);
    expect(modules.map(({ path, altered }) => [path, altered])).toEqual([
      ['', undefined],
      ['0', undefined],
      ['1', 'a forward hook'],
    ]);
  });

  it('torchscript.pt: the weights of a program, which is not run', async () => {
    expect((await expectAsWritten('torchscript.pt')).join('\n')).toContain('TorchScript program: it was not run');
  });

  it('swa.pt: the counter of an averaged model is no weight, and torch.compile adds a prefix', async () => {
    const notes = await expectAsWritten('swa.pt');
    expect(notes).toHaveLength(3);
    expect(notes[0]).toContain('n_averaged');
  });

  it('sub-block1.pt: drops the block that WideResNets of TRADES and AWP never run', async () => {
    expect(await expectAsWritten('sub-block1.pt')).toContainEqual(
      expect.stringContaining('"module.sub_block1.layer.0.weight"'),
    );
  });

  it('several.pt: asks which of two equal state dicts, and reads the one that is named', async () => {
    const message = await refusal(readCheckpoint(fixture('several.pt')));
    expect(message).toContain('2 state dicts of one network, under "model", "ema"');
    const notes = await expectAsWritten('several.pt', 'ema');
    expect(notes).toEqual(['weights are those under "ema"', 'other weights in the file are not used: "model"']);
    const unknown = await refusal(readCheckpoint(fixture('several.pt'), { stateDict: 'swa' }));
    expect(unknown).toContain('has no weights under "swa", only under "model", "ema"');
  });

  it.each(['plain.protocol2.pkl', 'plain.protocol4.pkl'])('%s: tensors that pickle.dump wrote', async (name) => {
    expect(await expectAsWritten(name)).toContain('the file was written by pickle.dump, not by torch.save');
  });

  it('tells the format and the SHA-256 of the file', async () => {
    const path = fixture('tiny.pt');
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(await readCheckpoint(path)).toMatchObject({ path, format: 'torch-zip', sha256 });
    expect((await readCheckpoint(fixture('tiny.legacy.pt'))).format).toBe('torch-legacy');
  });

  it('tensors of one storage share memory; tensors that are not contiguous are copies', async () => {
    const { state } = await readCheckpoint(fixture('layouts.pt'));
    expect(state.get('row')!.data.buffer).toBe(state.get('shared')!.data.buffer);
    expect(state.get('same')).toBe(state.get('transposed'));
    expect(state.get('transposed')!.data.buffer).not.toBe(state.get('shared')!.data.buffer);
  });
});

describe("the demo's checkpoint", () => {
  it('holds the numbers that PyTorch reads', async () => {
    const path = resolve(import.meta.dirname, '../../../examples/demo/shapes10-rn18-w8.pt');
    const { state, notes } = await readCheckpoint(path);
    const demo = Demo.parse(JSON.parse(readFileSync(fixture('demo.json'), 'utf8')));
    expect(notes).toEqual([]);
    expect([...state.keys()]).toEqual(Object.keys(demo));
    for (const [name, wanted] of Object.entries(demo)) {
      const tensor = state.get(name)!;
      const numbers = values(tensor).map(Number);
      expect(tensor.dims, name).toEqual(wanted.dims);
      expect([numbers[0], numbers.at(-1)], name).toEqual([wanted.first, wanted.last]);
      expect(numbers.reduce((sum, x) => sum + x, 0)).toBeCloseTo(wanted.sum, 6);
      expect(numbers.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(wanted.squares, 6);
    }
  });
});
