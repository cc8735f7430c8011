import { describe, expect, it } from 'vitest';
import { read, refusal, values } from './support/read.ts';

/** A safetensors file: the header as given, then the bytes of the tensors. */
function safetensors(header: unknown, data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

const float32 = (...elements: number[]) => new Uint8Array(Float32Array.from(elements).buffer);
const info = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  it('reads tensors of every type igd knows', async () => {
    const header = {
      __metadata__: { format: 'pt' },
      'model.half': info('F16', [2], 0, 4),
      'model.steps': info('I64', [], 4, 12),
      'model.weight': info('F32', [1, 2], 12, 20),
      'model.empty': info('F32', [0, 3], 20, 20),
      'model.double': info('F64', [1], 20, 28),
      'model.bf16': info('BF16', [1], 28, 30),
      'model.flag': info('BOOL', [2], 30, 32),
    };
    const data = Buffer.concat([
      new Uint8Array(Uint16Array.of(0x3c00, 0xc000).buffer),
      new Uint8Array(BigInt64Array.of(-5n).buffer),
      float32(0.5, -3),
      new Uint8Array(Float64Array.of(0.1).buffer),
      new Uint8Array(Uint16Array.of(0x3f80).buffer),
      Uint8Array.of(1, 0),
    ]);
    const { format, state, notes } = await read(safetensors(header, data));
    expect(format).toBe('safetensors');
    expect(notes).toEqual(['took the prefix "model." off every name']);
    expect(
      Object.fromEntries([...state].map(([name, tensor]) => [name, [tensor.type, tensor.dims, values(tensor)]])),
    ).toEqual({
      half: ['float32', [2], [1, -2]],
      steps: ['int64', [], [-5n]],
      weight: ['float32', [1, 2], [0.5, -3]],
      empty: ['float32', [0, 3], []],
      double: ['float32', [1], [Math.fround(0.1)]],
      bf16: ['float32', [1], [1]],
      flag: ['bool', [2], [1, 0]],
    });
  });

  it('takes the tensors under the keys of a state dict, and says what may be a normalisation beside them', async () => {
    const names = ['D.weight', 'G.weight', 'G.mean', 'G.std'];
    const header = Object.fromEntries(names.map((name, i) => [name, info('F32', [1], 4 * i, 4 * i + 4)]));
    const file = safetensors(header, float32(1, 2, 3, 4));
    const { state, notes, aside } = await read(file, 'D');
    expect([...state].map(([name, tensor]) => [name, values(tensor)])).toEqual([['weight', [1]]]);
    expect([notes, aside]).toEqual([['weights are those under "D"'], ['G.mean', 'G.std']]);
    expect(await refusal(read(file, 'E'))).toBe('has no weights under "E", only under "D", "G"');
  });

  it('a header as long as a pickle starts (0x..80) is still one', async () => {
    const header = JSON.stringify({ w: info('F32', [1], 0, 4) }).padEnd(0x180);
    expect((await read(safetensors(header, float32(7)))).state.get('w')!.data[0]).toBe(7);
  });

  it('a tensor may be called __proto__', async () => {
    const { state } = await read(safetensors(`{"__proto__": ${JSON.stringify(info('F32', [1], 0, 4))}}`, float32(7)));
    expect([...state.keys()]).toEqual(['__proto__']);
  });

  const one = info('F32', [1], 0, 4);
  it.each([
    ['an array as header', '{"a":1', 'no JSON'],
    ['an entry that is no tensor', { w: 3 }, '"w" is not described'],
    ['a negative size', { w: info('F32', [-1], 0, 4) }, '"w" is not described'],
    ['an offset that is no integer', { w: info('F32', [1], 0, 4.5) }, '"w" is not described'],
    ['no tensor', {}, 'names no tensor'],
    ['tensors that overlap', { v: one, w: one }, '"w" lies at bytes 0 to 4'],
    ['a gap', { w: info('F32', [1], 4, 8) }, '"w" lies at bytes 4 to 8'],
    ['an end before its beginning', { w: info('F32', [1], 0, -4) }, '"w" is not described'],
    [
      'fewer bytes than described',
      { w: info('F32', [2], 0, 8) },
      'has 4 bytes of tensors where its header describes 8',
    ],
    ['more bytes than described', { w: info('I8', [1], 0, 1) }, 'has 4 bytes of tensors where its header describes 1'],
    ['a shape of another size', { w: info('F32', [2], 0, 4) }, '"w" [2] of type F32 has 4 bytes'],
    ['a shape beyond 2^53', { w: info('F32', [2 ** 40, 2 ** 40, 0, 2 ** 40], 0, 4) }, 'has 4 bytes'],
    ['an unknown type', { w: info('F8_E4M3', [4], 0, 4) }, '"w" is of type "F8_E4M3"'],
    ['nesting without end', `{"w":${'['.repeat(500_000)}`, 'no JSON'],
  ])('with %s is refused', async (_, header, message) => {
    expect(await refusal(read(safetensors(header, float32(1))))).toContain(message);
  });

  it('with a header longer than the file, or than any, is refused', async () => {
    const file = safetensors({ w: one }, float32(1));
    file.writeUInt32LE(5_000_000, 0);
    expect(await refusal(read(file))).toContain('cut short or damaged');
    file.writeUInt32LE(0x7fffffff, 0);
    expect(await refusal(read(file))).toContain('header of 2147483647 bytes');
  });
});
