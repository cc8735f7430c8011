import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeOutput } from '../../../src/cli/storage-location.ts';
import { InputError } from '../../../src/errors.ts';
import { temporaryFolder } from '../datasets/support.ts';

const folder = temporaryFolder();

test.each([
  ['to-nothing.npy', '/nowhere/at/all', /no file can be made there; give another place$/],
  ['to-itself.npy', 'to-itself.npy', /a link leads back to itself: give another place$/],
])('a link %s is no place for a file: bad input, not a run that failed', async (name, target, message) => {
  const path = join(folder, name);
  symlinkSync(target, path);
  const refused = await writeOutput(path, '').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(InputError);
  expect(refused).toMatchObject({ message: expect.stringMatching(message) });
});
