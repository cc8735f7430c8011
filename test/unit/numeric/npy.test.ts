import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNpz } from '../../../src/datasets/npz.ts';
import { InputError } from '../../../src/errors.ts';
import { decodeNpy, encodeNpy } from '../../../src/numeric/npy.ts';
import { sizeOf, type Tensor } from '../../../src/numeric/tensor.ts';
import { describeWithShared } from '../../support/shared.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/npy');
const SEED = { seed: 20241107 };

const fixture = (name: string) => new Uint8Array(readFileSync(join(FIXTURES, name)));
const numbers = (tensor: Tensor) => Array.from(tensor.data as Iterable<number | bigint>, Number);

/** Only an error made for the user may come out: an InputError, which names the file. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).toContain('a.npy');
    return error;
  }
}

describe('files written by numpy', () => {
  const expected: Record<string, { dims: number[]; values: number[] }> = JSON.parse(
    readFileSync(join(FIXTURES, 'expected.json'), 'utf8'),
  );

  it.each(Object.keys(expected))('%s', (name) => {
    const tensor = decodeNpy(fixture(`${name}.npy`), name);
    expect({ dims: tensor.dims, values: numbers(tensor) }).toEqual(expected[name]);
  });

  it.each(['f4', 'f8', 'f2', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'b1', 'scalar', 'vector', 'empty'])(
    'encodes %s to the same bytes as numpy',
    (name) => {
      const bytes = fixture(`${name}.npy`);
      expect(Buffer.from(encodeNpy(decodeNpy(bytes, name))).equals(bytes)).toBe(true);
    },
  );

  it.each([
    ['refused-object', /Python objects.*could run code/],
    ['refused-structured', /holds records of several fields; save each field as an array/],
    ['refused-complex', /element type "<c8" is not supported; of complex numbers take the real part/],
    ['refused-text', /element type "<U3" is not supported; texts are no numbers; of labels numpy\.unique/],
  ])('%s', (name, message) => {
    expect(() => decodeNpy(fixture(`${name}.npy`), 'labels.npy')).toThrow(message);
    expect(() => decodeNpy(fixture(`${name}.npy`), 'labels.npy')).toThrow(InputError);
  });
});

describe('round trip', () => {
  const dims = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
  const filled: fc.Arbitrary<Tensor> = dims.chain((shape) => {
    const of = { minLength: sizeOf(shape), maxLength: sizeOf(shape) };
    return fc.oneof(
      fc.float32Array(of).map((data): Tensor => ({ type: 'float32', dims: shape, data })),
      fc.float64Array(of).map((data): Tensor => ({ type: 'float64', dims: shape, data })),
      fc.uint16Array(of).map((data): Tensor => ({ type: 'float16', dims: shape, data })),
      fc.int8Array(of).map((data): Tensor => ({ type: 'int8', dims: shape, data })),
      fc.uint8Array(of).map((data): Tensor => ({ type: 'uint8', dims: shape, data })),
      fc.int16Array(of).map((data): Tensor => ({ type: 'int16', dims: shape, data })),
      fc.uint16Array(of).map((data): Tensor => ({ type: 'uint16', dims: shape, data })),
      fc.int32Array(of).map((data): Tensor => ({ type: 'int32', dims: shape, data })),
      fc.uint32Array(of).map((data): Tensor => ({ type: 'uint32', dims: shape, data })),
      fc.bigInt64Array(of).map((data): Tensor => ({ type: 'int64', dims: shape, data })),
      fc.bigUint64Array(of).map((data): Tensor => ({ type: 'uint64', dims: shape, data })),
      fc.uint8Array({ ...of, max: 1 }).map((data): Tensor => ({ type: 'bool', dims: shape, data })),
    );
  });

  it('keeps type, shape and every value', () => {
    fc.assert(
      fc.property(filled, (tensor) => {
        expect(decodeNpy(encodeNpy(tensor), 'a.npy')).toEqual(tensor);
      }),
      SEED,
    );
  });

  it('reads from any offset into a larger buffer', () => {
    fc.assert(
      fc.property(filled, fc.integer({ min: 0, max: 9 }), (tensor, offset) => {
        const npy = encodeNpy(tensor);
        const larger = new Uint8Array(npy.length + offset);
        larger.set(npy, offset);
        expect(decodeNpy(larger.subarray(offset), 'a.npy')).toEqual(tensor);
      }),
      SEED,
    );
  });

  it('refuses bfloat16, which numpy does not have', () => {
    expect(() => encodeNpy({ type: 'bfloat16', dims: [1], data: new Uint16Array(1) })).toThrow(/no bfloat16/);
  });
});

describe('damaged and hostile bytes', () => {
  const good = encodeNpy({ type: 'float32', dims: [2, 3], data: new Float32Array(6) });
  const withHeader = (literal: string, elements = 24) => {
    const bytes = Buffer.alloc(10 + literal.length + elements);
    bytes.write('\x93NUMPY\x01\x00', 'latin1');
    bytes.writeUInt16LE(literal.length, 8);
    bytes.write(literal, 10, 'latin1');
    return bytes;
  };

  it('names what is wrong at every length it can be cut to', () => {
    for (let length = 0; length < good.length; length++) {
      expect(outcome(() => decodeNpy(good.subarray(0, length), 'a.npy'))).toBeInstanceOf(InputError);
    }
  });

  it('only ever throws InputError, whichever bytes are changed', () => {
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = good.slice();
        for (const [at, value] of changes) bytes[at] = value;
        outcome(() => decodeNpy(bytes, 'a.npy'));
      }),
      { ...SEED, numRuns: 2000 },
    );
  });

  it.each([
    ['an HTML page', Buffer.from('<!DOCTYPE html><title>Quota exceeded</title>'), /not a \.npy file/],
    ['a version of the future', Buffer.from('\x93NUMPY\x09\x00\x00\x00', 'latin1'), /version 9 is unknown/],
    ['a giant header', Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\x7f', 'latin1'), /2147483647 bytes is not plausible/],
    ['bytes too many', Buffer.concat([good, good]), /24 bytes, the file has 176.*more than one array/],
    ['no shape', withHeader("{'descr': '<f4', 'fortran_order': False}"), /not the \.npy header/],
    ['code', withHeader("{'descr': open('x'), 'fortran_order': False, 'shape': (6,)}"), /not the \.npy header/],
    ['a negative dim', withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}"), /not the \.npy header/],
    [
      'a dim too large',
      withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (${'9'.repeat(400)},)}`),
      /header/,
    ],
    ['text after the dict', withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x"), /not the \.npy/],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeNpy(bytes, 'a.npy')).toThrow(message);
    expect(outcome(() => decodeNpy(bytes, 'a.npy'))).toBeInstanceOf(InputError);
  });

  it('reads a dict of Python 2, in any order of its keys', () => {
    const bytes = withHeader("{'shape': (2L, 3L), 'descr': '<f4', 'fortran_order': False, }  \n");
    expect(decodeNpy(bytes, 'a.npy').dims).toEqual([2, 3]);
  });
});

describe('npz', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'igd-npz-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['stored.npz', 'deflated.npz'])('reads %s', async (name) => {
    const arrays = await readNpz(join(FIXTURES, name));
    expect([...arrays.keys()]).toEqual(['x_test', 'y_test']);
    expect(numbers(arrays.get('x_test')!)).toEqual([0, 1, 2, 3, 0, 1]);
    expect(arrays.get('y_test')).toEqual({ type: 'int64', dims: [2], data: BigInt64Array.of(1n, 0n) });
  });

  it('reads only the arrays asked for', async () => {
    const arrays = await readNpz(join(FIXTURES, 'deflated.npz'), new Set(['y_test', 'absent']));
    expect([...arrays.keys()]).toEqual(['y_test']);
  });

  it.each([
    ['not there', undefined],
    ['an HTML page', Buffer.from('<html>')],
    ['nothing', Buffer.alloc(0)],
  ])('%s', async (name, bytes) => {
    const path = join(folder, `${name}.npz`);
    if (bytes !== undefined) writeFileSync(path, bytes);
    await expect(readNpz(path)).rejects.toThrow(InputError);
    await expect(readNpz(path)).rejects.toThrow(/not a readable \.npz.*get the file again/);
  });

  it.each(['stored.npz', 'deflated.npz'])('%s with damage reads as it is, or throws InputError', async (name) => {
    const good = fixture(name);
    const sound = await readNpz(join(FIXTURES, name));
    const path = join(folder, name);
    const damage = async (bytes: Uint8Array) => {
      writeFileSync(path, bytes);
      const result = await readNpz(path).catch((error: unknown) => error);
      if (result instanceof Map) {
        // A flipped bit may rename an array or change a date, but never a value.
        for (const tensor of result.values()) expect([...sound.values()]).toContainEqual(tensor);
      } else expect(result).toBeInstanceOf(InputError);
    };
    for (let at = 0; at < good.length; at += 3) {
      await damage(good.subarray(0, at));
      await damage(good.with(at, (good[at] ?? 0) ^ 0xff));
    }
  });
});

describeWithShared('reference arrays', (reference) => {
  it('reads every golden', () => {
    const goldens = join(reference, 'goldens');
    const files = readdirSync(goldens).filter((name) => name.endsWith('.npy'));
    expect(files.length).toBeGreaterThan(50);
    for (const name of files) {
      const bytes = new Uint8Array(readFileSync(join(goldens, name)));
      const tensor = decodeNpy(bytes, name);
      expect(tensor.data.length).toBe(sizeOf(tensor.dims));
      expect(Buffer.from(encodeNpy(tensor)).equals(bytes)).toBe(true);
    }
  });
});
