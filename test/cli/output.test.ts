import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { igd } from '../support/cli.ts';

test('igd report --schema prints a JSON schema, once', async () => {
  const { code, stdout } = await igd(['report', '--schema']);
  expect(code).toBe(0);
  const schema = z.looseObject({ $schema: z.string(), properties: z.looseObject({}) }).parse(JSON.parse(stdout));
  expect(schema.$schema).toContain('json-schema.org');
  expect(Object.keys(schema.properties)).toContain('variants');
});

test('a reader that has seen enough is no error', async () => {
  const child = spawn(process.execPath, ['bin/igd.mjs', 'report', '--schema']);
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = await once(child, 'close');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
