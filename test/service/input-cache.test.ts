import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { InputError, RunError } from '../../src/errors.ts';
import { withRoom } from '../../src/service/input-cache.ts';
import { temporaryFolder } from '../support/temporary.ts';

const full = () => new RunError('cannot download', { cause: Object.assign(new Error('write'), { code: 'ENOSPC' }) });

/** A folder in which an earlier event left 100 bytes. */
function used(): string {
  const folder = temporaryFolder('igd-inputs-');
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a', 'net.pt'), Buffer.alloc(100));
  return folder;
}
const left = (folder: string) => readdirSync(folder, { recursive: true });

test('what an earlier event left stays where it is little, and goes where it is much', async () => {
  const folder = used();
  await withRoom(folder, async () => expect(left(folder)).toContain(join('a', 'net.pt')), 100);
  await withRoom(folder, async () => expect(() => left(folder)).toThrow('ENOENT'), 99);
});

test('a full disk is cleared and tried once more', async () => {
  const folder = used();
  let tries = 0;
  const download = async () => {
    tries += 1;
    if (tries === 1) throw full();
    return 'there';
  };
  expect(await withRoom(folder, download)).toBe('there');
  expect(() => left(folder)).toThrow('ENOENT');
});

test('inputs larger than the disk are bad input, other failures are not', async () => {
  const tooLarge = withRoom(used(), () => Promise.reject(full()));
  await expect(tooLarge).rejects.toThrow(InputError);
  await expect(tooLarge).rejects.toThrow(/more than the disk of the planner holds \(10 GiB\): give an archive/);
  const folder = used();
  await expect(withRoom(folder, () => Promise.reject(new RunError('denied')))).rejects.toThrow('denied');
  expect(left(folder)).toHaveLength(2);
});
