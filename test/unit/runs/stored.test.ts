import { expect, test } from 'vitest';
import { z } from 'zod';
import { RunError } from '../../../src/errors.ts';
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
