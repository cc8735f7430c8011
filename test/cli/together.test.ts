import '../service/quiet.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { S3Store } from '../../src/stores/s3/store.ts';
import { timeless } from '../service/harness.ts';
import { hasMoto, startMoto } from '../service/moto.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

const folder = scratch();
afterAll(() => folder.remove());

const configOf = (imagesPerShard: number) => {
  const variants = ['none', 'loir'];
  const suite = [{ attack: 'apgd-ce', iterations: 10 }];
  const compute = { batchSize: 1, imagesPerShard };
  return writeJson(folder.path(`${imagesPerShard}.json`), smallConfig({ variants, suite, compute }));
};

/** Each has a ranking store of its own, as machines have. */
const start = (config: string, out: string, name: string, kill?: Parameters<typeof igd>[1]) =>
  igd(['run', config, '--out', out, '--rankings', folder.path(`ranked-${name}`), '--workers', '1'], kill);

const read = (file: string) => readFileSync(folder.path(file), 'utf8');
/** In the middle of a stage, with another shard in hand. */
const KILL = { when: /"stage":"evaluate".*"attack"/, signal: 'SIGKILL' } as const;

test('four processes do one run, and it ends as if one had done it, though two are killed', async () => {
  const config = configOf(1);
  const [alone, shared] = [folder.path('alone'), folder.path('shared')];
  const killed = ['1', '2'].map((name) => start(config, shared, name, KILL));
  // The others begin late enough to leave those work, and with one of them still at it.
  await Promise.race(killed);
  const whole = [...['3', '4'].map((name) => start(config, shared, name)), start(config, alone, 'alone')];
  expect((await Promise.all(killed)).map(({ signal }) => signal)).toEqual(['SIGKILL', 'SIGKILL']);
  expect((await Promise.all(whole)).map(({ code, stderr }) => [code, stderr.includes('igd:')])).toEqual(
    whole.map(() => [0, false]),
  );
  expect(timeless(read('shared/report.json'))).toEqual(timeless(read('alone/report.json')));
  for (const file of ['images.csv', 'ranking.loir.json']) expect(read(`shared/${file}`)).toBe(read(`alone/${file}`));
  expect(readdirSync(folder.path('shared/leases'))).toEqual([]);
});

describe.runIf(hasMoto)('in a bucket', () => {
  test('two do the run of one that is killed', async () => {
    const moto = await startMoto();
    try {
      // In fewer shards, for the emulator's sake: outcomes of images are those of the folder.
      const [config, out] = [configOf(4), 's3://igd-runs/shared'];
      expect((await start(config, out, '5', KILL)).signal).toBe('SIGKILL');
      const whole = ['6', '7'].map((name) => start(config, out, name));
      expect((await Promise.all(whole)).map(({ code }) => code)).toEqual([0, 0]);
      const store = new S3Store({ bucket: 'igd-runs', prefix: 'shared/' });
      const text = async (key: string) => new TextDecoder().decode(await store.get(key));
      expect(JSON.parse(await text('report.json')).run.missing).toEqual([]);
      expect(await text('images.csv')).toBe(read('alone/images.csv'));
      expect(await store.list('leases/')).toEqual([]);
    } finally {
      await moto.stop();
    }
  });
});
