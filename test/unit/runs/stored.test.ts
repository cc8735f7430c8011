import { expect, test } from 'vitest';
import { z } from 'zod';
import { RankingError, RunError } from '../../../src/errors.ts';
import { encodeNpy } from '../../../src/numeric/npy.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import { keptRemedy, storedArray, storedRanking } from '../../../src/runs/stored.ts';
import { parseRecord } from '../../../src/schemas/parse-record.ts';

const schema = z.strictObject({ schema: z.literal('igd.shard/2'), images: z.array(z.int()) });

test.each([
  ['{"schema": "igd.shard/1", "images": []}', 'k.json was written by another version of igd (igd.shard/1)'],
  ['{"schema": "igd.shard/2", "images": 3}', 'k.json is damaged: delete it'],
  ['{"schema": "igd.sh', 'k.json is damaged: delete it'],
  ['', 'k.json is damaged: delete it'],
])('what is stored as %j is refused in one line', (text, message) => {
  expect(() => parseRecord(schema, new TextEncoder().encode(text), 'k.json')).toThrow(RunError);
  expect(() => parseRecord(schema, text, 'k.json')).toThrow(message);
});

test('what fits is given back', () => {
  expect(parseRecord(schema, '{"schema": "igd.shard/2", "images": [3]}', 'k.json').images).toEqual([3]);
});

test('an array that is cut is to be computed again: there is nowhere to get it from', () => {
  const whole = encodeNpy(float32([2, 3], new Float32Array(6)));
  expect(storedArray(whole, 'k.npy', 'run again').dims).toEqual([2, 3]);
  for (const length of [0, 8, 100, whole.length - 1]) {
    const cut = () => storedArray(whole.subarray(0, length), 'k.npy', 'delete it and run again');
    expect(cut).toThrow(RunError);
    expect(cut).toThrow(/^k\.npy is damaged: delete it and run again$/);
  }
});

test('a ranking that is cut is deleted by the command that does so', () => {
  const cut = () => storedRanking(new TextEncoder().encode('{"schema": "igd.ra'), 'k.json', keptRemedy('rankings'));
  expect(cut).toThrow(RankingError);
  expect(cut).toThrow(/^k\.json is damaged: delete it \(.*"igd cache --clear rankings".*\) and run again$/);
});
