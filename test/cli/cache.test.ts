import { readdirSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { igd, igdReusing, scratch, smallConfig, writeJson } from '../support/cli.ts';

const folder = scratch();
afterAll(() => folder.remove());

const kept = folder.path('kept');
const config = writeJson(
  folder.path('c.json'),
  smallConfig({ variants: ['none', 'loir'], suite: [{ attack: 'apgd-ce', iterations: 1 }] }),
);
const run = (out: string, ...flags: string[]) =>
  igdReusing(['run', config, '--out', folder.path(out), '--rankings', kept, ...flags]);
const cache = async (...flags: string[]) => {
  const { code, stdout } = await igd(['cache', '--rankings', kept, '--json', ...flags]);
  expect(code).toBe(0);
  const { kinds } = JSON.parse(stdout) as { kinds: { kind: string; things: number; bytes: number }[] };
  return Object.fromEntries(kinds.map(({ kind, things }) => [kind, things]));
};

describe('igd cache', () => {
  beforeAll(async () => {
    expect(await cache()).toEqual({ evaluations: 0, rankings: 0, embeddings: 0, inputs: 0 });
    expect((await run('first')).code).toBe(0);
  });

  test('shows what runs keep, and runs say what they take of it', async () => {
    expect(await cache()).toMatchObject({ evaluations: 6, rankings: 1 });
    const again = await run('again');
    expect(again.stdout).toContain('reused: 6 shards that other runs had evaluated; --no-cache computes them anew');
    expect((await run('anew', '--no-cache')).stdout).not.toContain('reused');
    const planned = await igd(['plan', config, '--rankings', kept, '--calibrate-seconds', '0']);
    expect(planned.stdout).toContain('other runs have evaluated 6 shards of 6 in full');
  });

  test('deletes what is old, a kind, or all', async () => {
    expect(await cache('--clear', '--older-than', '1')).toMatchObject({ evaluations: 0, rankings: 0 });
    const [old = ''] = readdirSync(`${kept}/evaluations`);
    const yesterday = Date.now() / 1000 - 2 * 86_400;
    utimesSync(`${kept}/evaluations/${old}`, yesterday, yesterday);
    expect(await cache('--clear', '--older-than', '1')).toMatchObject({ evaluations: 1, rankings: 0 });
    expect(await cache('--clear', 'evaluations')).toMatchObject({ evaluations: 5, rankings: 0 });
    expect(await cache()).toMatchObject({ evaluations: 0, rankings: 1 });
    expect((await igd(['cache', '--rankings', kept, '--clear'])).stdout).toMatch(/deleted\n.*\n.*\n *rankings +1 /);
    expect(await cache()).toEqual({ evaluations: 0, rankings: 0, embeddings: 0, inputs: 0 });
  });

  test.each([
    [['--clear', 'models'], 'is kept under no such name; give one of evaluations, rankings'],
    [['--older-than', '3'], 'says what --clear deletes'],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await igd(['cache', '--rankings', kept, ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
