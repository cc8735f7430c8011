import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { readCheckpoint } from '../../src/checkpoints/read-checkpoint.ts';
import type { StateDict } from '../../src/checkpoints/weights.ts';
import { safetensorsParts } from '../../src/checkpoints/write-safetensors.ts';
import { float32 } from '../../src/numeric/tensor.ts';
import { ARCHITECTURE_CASES, stateOf } from '../support/architecture-cases.ts';
import { igd, scratch } from '../support/cli.ts';

const folder = scratch();
afterAll(() => folder.remove());

const DECK = new Map([...stateOf(ARCHITECTURE_CASES['deck-card']!)].filter(([name]) => name.startsWith('models.')));
const MEMBERS = [0, 1, 2, 3, 4, 5];

function save(name: string, state: StateDict): string {
  writeFileSync(folder.path(name), Buffer.concat([...safetensorsParts(state)]));
  return folder.path(name);
}

function member(index: number): StateDict {
  const prefix = `models.${index}.`;
  return new Map(
    [...DECK].flatMap(([name, tensor]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [])),
  );
}

test('the files of a deck are one checkpoint, with every tensor as it was', async () => {
  const parts = MEMBERS.map((index) => `models.${index}=${save(`m${index}.safetensors`, member(index))}`);
  const out = folder.path('deck.safetensors');
  const { code, stdout, stderr } = await igd(['join', ...parts, '--out', out]);
  expect(stderr).toBe('');
  expect([code, stdout]).toEqual([0, `${out}: ensemble, ${DECK.size} tensors\n`]);
  const { state } = await readCheckpoint(out);
  expect(new Map(state)).toEqual(DECK);
});

test('a normalisation of one network is not silently that of the others', async () => {
  const buffers = ['mean', 'std'].map((name) => [`normalize.${name}`, float32([3], [0.5, 0.4, 0.3])] as const);
  const plain = save('plain.safetensors', member(0));
  const normalised = save('normalised.safetensors', new Map([...member(1), ...buffers]));
  const out = folder.path('mixed.safetensors');
  const joined = async (first: string, second: string) => {
    await igd(['join', `models.0=${first}`, `models.1=${second}`, '--out', out]);
    return igd(['inspect', out]);
  };
  const refused = await joined(plain, normalised);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toContain('holds a normalisation of "models.1."');
  expect(refused.stderr).toContain('and none of "models.0."');
  expect((await joined(normalised, normalised)).stdout).toContain('normalization mean [0.5, 0.4, 0.3]');
});

test('what is no network together, and what is given twice, is refused', async () => {
  const file = save('one.safetensors', member(0));
  const out = folder.path('none.safetensors');
  const odd = await igd(['join', `a.0=${file}`, `a.1=${file}`, '--out', out]);
  expect(odd.stderr).toContain('say which to read');
  const twice = await igd(['join', `models.0=${file}`, `models.0=${file}`, '--out', out]);
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('"models.0.conv1.weight" is given twice')]);
  const bad = await igd(['join', 'models.0', '--out', out]);
  expect(bad.stderr).toContain('give NAME=FILE');
});
