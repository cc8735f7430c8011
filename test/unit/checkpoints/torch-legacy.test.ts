import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dict, global, int, join, list, none, pickle, raw, repeat, tensor, text, tuple } from './support/pickles.ts';
import { fixture, read, refusal, STORED, values } from './support/read.ts';

const MAGIC = raw('\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19');

interface Parts {
  readonly root: Uint8Array;
  readonly magic?: Uint8Array;
  readonly version?: number;
  readonly keys?: Uint8Array;
  /** Elements in front of the storage. */
  readonly length?: bigint;
}

/** A legacy file with the elements of STORED as storage 0. */
function legacy({ root, magic = MAGIC, version = 1001, keys = list(text('0')), length = 4n }: Parts): Buffer {
  const count = Buffer.alloc(8);
  count.writeBigInt64LE(length);
  const elements = new Uint8Array(Float32Array.from(STORED).buffer);
  return join(pickle(magic), pickle(int(version)), pickle(dict({})), pickle(root), pickle(keys), count, elements);
}

const root = dict({ w: tensor() });

describe('the legacy format', () => {
  it('reads', async () => {
    const { state, format } = await read(legacy({ root }));
    expect(format).toBe('torch-legacy');
    expect(values(state.get('w'))).toEqual(STORED);
  });

  it('reads pickles longer than the first look at the file', async () => {
    const padding = text('x'.repeat(3_000_000));
    const { state } = await read(legacy({ root: dict({ padding, state_dict: root }) }));
    expect(values(state.get('w'))).toEqual(STORED);
  });

  it('reads storages that are views of others, as PyTorch saved them before 0.4', async () => {
    const view = tuple(text('view'), int(1), int(2));
    const id = join(
      tuple(text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), int(4), view),
      raw('Q'),
    );
    const rebuild = (size: number) =>
      join(global('torch._utils', '_rebuild_tensor'), tuple(id, int(0), tuple(int(size)), tuple(int(1))), raw('R'));
    expect(values((await read(legacy({ root: dict({ w: rebuild(2) }) }))).state.get('w'))).toEqual(STORED.slice(1, 3));
    expect(await refusal(read(legacy({ root: dict({ w: rebuild(3) }) })))).toContain('reaches past the 3 elements');
  });

  it.each([
    ['another magic number', legacy({ root, magic: int(1) }), 'not one torch.save wrote'],
    ['another version', legacy({ root, version: 1002 }), 'unknown version'],
    ['keys that are no list', legacy({ root, keys: none }), 'no list of storages'],
    ['a key that is no text', legacy({ root, keys: list(int(0)) }), 'no list of storages'],
    ['a key nothing refers to', legacy({ root, keys: list(text('0'), text('1')) }), 'no list of storages'],
    ['a key twice', legacy({ root, keys: list(text('0'), text('0')) }), 'no list of storages'],
    ['a storage missing', legacy({ root, keys: list() }), 'has no storage "0" for "w"'],
    ['a storage of another length', legacy({ root, length: 5n }), '"0" has 5 elements, not 4'],
    ['a storage of negative length', legacy({ root, length: -1n }), '"0" has -1 elements, not 4'],
    ['no storage', legacy({ root }).subarray(0, -17), 'cut short'],
    ['half a storage', legacy({ root }).subarray(0, -1), 'is cut short at'],
    ['a pickle without end', join(pickle(MAGIC), repeat(raw('N'), 500_000)), 'cut short'],
  ])('with %s is refused', async (_, bytes, message) => {
    expect(await refusal(read(bytes))).toContain(message);
  });

  it('cut short anywhere is refused', async () => {
    const whole = readFileSync(fixture('tiny.legacy.pt'));
    for (let length = 2; length < whole.length; length++) {
      await refusal(read(whole.subarray(0, length)));
    }
  });
});
