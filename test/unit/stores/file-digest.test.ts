import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { rememberedDigest } from '../../../src/stores/file-digest.ts';

const folder = mkdtempSync(join(tmpdir(), 'igd-digests-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.useRealTimers());

test('a digest is remembered once the file is older than a tick of a file system clock', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'a');
  let asked = 0;
  const ask = async () => `${++asked}`;
  vi.useFakeTimers({ toFake: ['Date'] });
  const digestAfter = (ms: number) => {
    vi.setSystemTime(statSync(path).ctimeMs + ms);
    return rememberedDigest(path, path, ask);
  };
  expect([await digestAfter(10), await digestAfter(20)]).toEqual(['1', '2']);
  expect([await digestAfter(5_000), await digestAfter(6_000)]).toEqual(['3', '3']);
  writeFileSync(path, 'b');
  expect(await digestAfter(6_000)).toBe('4');
});
