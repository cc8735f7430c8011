import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

const folder = scratch();
afterAll(() => folder.remove());

const config = writeJson(
  folder.path('config.json'),
  smallConfig({
    variants: ['none', 'loir'],
    suite: [{ attack: 'apgd-ce', iterations: 10 }],
    compute: { batchSize: 1, imagesPerShard: 1 },
  }),
);

/** Each has a ranking store of its own, as machines have. */
const start = (out: string, name: string, kill?: Parameters<typeof igd>[1]) =>
  igd(['run', config, '--out', folder.path(out), '--rankings', folder.path(name), '--workers', '1'], kill);

/** Without what time it took. */
const report = (out: string) =>
  JSON.stringify(
    JSON.parse(readFileSync(folder.path(`${out}/report.json`), 'utf8'), (key, value) =>
      key === 'seconds' ? 0 : value,
    ),
  );

test('four processes do one run, and it ends as if one had done it, though two are killed', async () => {
  // In the middle of a stage, with another shard in hand.
  const kill = { when: /"stage":"evaluate".*"attack"/, signal: 'SIGKILL' } as const;
  const killed = [start('shared', 'ranked-1', kill), start('shared', 'ranked-2', kill)];
  const whole = [start('shared', 'ranked-3'), start('shared', 'ranked-4'), start('alone', 'ranked-alone')];
  expect((await Promise.all(killed)).map(({ signal }) => signal)).toEqual(['SIGKILL', 'SIGKILL']);
  expect((await Promise.all(whole)).map(({ code, stderr }) => [code, stderr.includes('igd:')])).toEqual(
    whole.map(() => [0, false]),
  );
  expect(report('shared')).toBe(report('alone'));
  for (const file of ['images.csv', 'ranking.loir.json'])
    expect(readFileSync(folder.path(`shared/${file}`), 'utf8')).toBe(
      readFileSync(folder.path(`alone/${file}`), 'utf8'),
    );
  expect(readdirSync(folder.path('shared/leases'))).toEqual([]);
});
