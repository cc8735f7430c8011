import '../../service/quiet.ts';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { FileStore } from '../../../src/stores/folder-store.ts';
import { listFolder } from '../../../src/stores/list-folder.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { localise, openStore, type StoreSpec } from '../../../src/stores/open.ts';
import { S3Store } from '../../../src/stores/s3/store.ts';
import { within } from '../../../src/stores/store.ts';
import { hasMoto, type Moto, startMoto } from '../../service/moto.ts';
import { scratch, smallConfig } from '../../support/cli.ts';
import { storeContract } from './contract.ts';

const folder = scratch();
afterAll(() => folder.remove());

storeContract('FileStore', async () => new FileStore(mkdtempSync(folder.path('store-'))));
storeContract('MemoryStore', async () => new MemoryStore());
storeContract('a part of a store', async () => {
  const store = new MemoryStore();
  await store.put('runs/other/a.json', 'not ours');
  return within(store, 'runs/mine/');
});

/** One level of a store, as `listFolder` has it. */
async function expectLevels(spec: StoreSpec): Promise<void> {
  const store = await openStore(spec);
  const begun = Date.now();
  for (const key of ['a.json', 'run/report.json', 'run/shards/none/00000.json', 'run-2/plan.json'])
    await store.put(key, '1');
  const level = async (path: string) => {
    const { files, folders } = await listFolder(spec, path);
    for (const { modified } of files) expect(Math.abs(modified.getTime() - begun)).toBeLessThan(60_000);
    return [files.map(({ name }) => name), folders];
  };
  expect(await level('')).toEqual([['a.json'], ['run', 'run-2']]);
  expect(await level('run')).toEqual([['report.json'], ['shards']]);
  expect(await level('run/shards/none')).toEqual([['00000.json'], []]);
  expect(await level('absent')).toEqual([[], []]);
}

test('a folder is listed a level at a time, without links', async () => {
  const root = mkdtempSync(folder.path('levels-'));
  symlinkSync(folder.dir, join(root, 'elsewhere'));
  await expectLevels({ kind: 'folder', root });
});

describe.runIf(hasMoto)('on S3', () => {
  let moto: Moto;
  let stores = 0;
  beforeAll(async () => {
    moto = await startMoto();
  });
  afterAll(() => moto.stop());

  const bucket = 'igd-runs';
  storeContract('S3Store', async () => new S3Store({ bucket, prefix: `contract/${stores++}/` }));

  test('a write whose answer is lost is no other writer’s', async () => {
    const store = new S3Store({ bucket, prefix: 'lost/' });
    const isPut = ({ method, url }: IncomingMessage) => method === 'PUT' && url?.includes('claim.json') === true;
    moto.fail('lost answer', isPut);
    expect(await store.putNew('claim.json', 'mine')).toBe(true);
    moto.fail('lost answer', isPut);
    expect(await store.putNew('claim.json', 'yours')).toBe(false);
    expect(new TextDecoder().decode(await store.get('claim.json'))).toBe('mine');
  });

  test('lists more than S3 gives at once', async () => {
    const store = await openStore({ kind: 's3', bucket, prefix: 'many/' });
    const keys = Array.from({ length: 1100 }, (_, i) => `${String(i).padStart(5, '0')}.json`);
    await Promise.all(keys.map((key) => store.put(key, '')));
    expect(await store.list('')).toEqual(keys);
  });

  test('is listed a level at a time', () => expectLevels({ kind: 's3', bucket, prefix: 'levels/' }));

  test('names the bucket, the key and what to do', async () => {
    const gone = new S3Store({ bucket: 'igd-gone', prefix: '' });
    await expect(gone.put('a.json', '1')).rejects.toThrow(/s3:\/\/igd-gone\/a\.json: there is no such bucket/);
    await deny('igd-rankings', 'secret/*');
    const denied = new S3Store({ bucket: 'igd-rankings', prefix: 'secret/' });
    await expect(denied.get('a.json')).rejects.toThrow(
      /access denied.*s3:\/\/igd-rankings\/secret\/a\.json.*policy.*-c inputBuckets=.*-c kmsKeys=.*-c requesterPays=/,
    );
  });

  test('an input is downloaded once for each of its contents, whole', async () => {
    const inputs = new S3Store({ bucket: 'igd-inputs', prefix: '' });
    const cache = folder.path('cache');
    const config = parseConfig(JSON.stringify(smallConfig({ checkpoint: { uri: 's3://igd-inputs/a/net.pt' } })), 'c');
    await inputs.put('a/net.pt', 'one');
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => localise({ config }, cache)));
    expect(readFileSync(first?.config.checkpoint.uri ?? '', 'utf8')).toBe('one');
    expect(others.map(({ config: { checkpoint } }) => checkpoint.uri)).toEqual([
      first?.config.checkpoint.uri,
      first?.config.checkpoint.uri,
    ]);
    expect(first?.config.dataset.test).toBe('examples/demo/test.bin');
    const { ino } = statSync(first?.config.checkpoint.uri ?? '');
    expect(statSync((await localise({ config }, cache)).config.checkpoint.uri).ino).toBe(ino);
    await inputs.put('a/net.pt', 'two!');
    expect(readFileSync((await localise({ config }, cache)).config.checkpoint.uri, 'utf8')).toBe('two!');
    const files = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    // And beside each, in a folder of its own, its SHA-256.
    expect(files.map(({ name }) => name)).toEqual(Array(4).fill('net.pt'));
  });

  test('a folder is downloaded with everything right under it', async () => {
    const inputs = new S3Store({ bucket: 'igd-inputs', prefix: 'ranking/' });
    for (const file of ['unit0.npy', 'unit1.npy', 'deeper/unit2.npy']) await inputs.put(file, file);
    const ranking = { file: 's3://igd-inputs/ranking/' };
    const config = parseConfig(JSON.stringify(smallConfig({ ranking })), 'c');
    const { config: local } = await localise({ config }, folder.path('cache'));
    expect(readdirSync(local.ranking.file ?? '').sort()).toEqual(['unit0.npy', 'unit1.npy']);
    expect(readFileSync(join(local.ranking.file ?? '', 'unit1.npy'), 'utf8')).toBe('unit1.npy');
    rmSync(local.ranking.file ?? '', { recursive: true });
  });
});

async function deny(bucket: string, keys: string): Promise<void> {
  const statement = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: `arn:aws:s3:::${bucket}/${keys}` };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await new S3Client({}).send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
}
