import './quiet.ts';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { TransientError } from '../../src/errors.ts';
import { s3 } from '../../src/stores/s3/client.ts';
import { downloaded } from '../../src/stores/s3/files.ts';
import { removeUnused } from '../../src/stores/s3/input-cache.ts';
import { fetchObject, readObject } from '../../src/stores/s3/object.ts';
import { S3Store } from '../../src/stores/s3/store.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

const BYTES = 3_000_000;
const bytes = randomBytes(BYTES);
const noWait = async () => undefined;
const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

describe.runIf(hasMoto)('an input', () => {
  let moto: Moto;
  let cache: string;
  const uri = 's3://igd-inputs/large.bin';
  const store = new S3Store({ bucket: 'igd-inputs', prefix: '' });
  beforeAll(async () => {
    moto = await startMoto();
    cache = temporaryFolder('igd-cache-');
    await store.put('large.bin', bytes);
  }, 60_000);
  afterAll(() => moto.stop());

  /** Each GET of the object; `ranges` has what was asked for. */
  const cut = (after: readonly number[]) => {
    const ranges: (string | undefined)[] = [];
    for (const cutAfter of after)
      moto.fail({ cutAfter }, ({ method, url, headers }) => {
        if (method !== 'GET' || url?.startsWith('/igd-inputs/large.bin') !== true) return false;
        ranges.push(headers.range);
        return true;
      });
    return ranges;
  };

  test('that is cut in its middle, twice, goes on where it stopped', async () => {
    const ranges = cut([1_000_000, 500_000]);
    const { path } = await downloaded(uri, cache);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(ranges[0]).toBeUndefined();
    const [from = 0] = /\d+/.exec(ranges[1] ?? '')?.map(Number) ?? [];
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(1_000_000);
    expect(readdirSync(dirname(path))).toEqual(['large.bin']);
  });

  test('of which nothing comes any more is a fault that passes', async () => {
    cut([10, 0, 0, 0, 0, 0, 0]);
    const { ETag } = await etagOf();
    const request = { Bucket: 'igd-inputs', Key: 'large.bin', IfMatch: ETag };
    const sink = { write: noWait, makeRoom: noWait };
    const waits: number[] = [];
    const wait = async (ms: number) => void waits.push(ms);
    await expect(fetchObject(request, BYTES, sink, wait)).rejects.toThrow(TransientError);
    expect(waits.length).toBe(6);
    // What the test left over would meet the next.
    await readObject({ Bucket: 'igd-inputs', Key: 'large.bin' }, noWait);
  });

  test('goes on where the disk was full, once there is room', async () => {
    const { ETag } = await etagOf();
    const parts = new Map<number, Uint8Array>();
    let isFull = true;
    const makeRoom = vi.fn(async () => {
      isFull = false;
    });
    const write = async (chunk: Uint8Array, position: number) => {
      if (isFull && position > 100_000) throw full();
      parts.set(position, chunk);
    };
    const request = { Bucket: 'igd-inputs', Key: 'large.bin', IfMatch: ETag };
    await fetchObject(request, BYTES, { write, makeRoom }, noWait);
    expect(makeRoom).toHaveBeenCalledOnce();
    const all = Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, chunk]) => chunk));
    expect(all.equals(bytes)).toBe(true);
    isFull = true;
    const inVain = fetchObject(request, BYTES, { write, makeRoom: noWait }, noWait);
    await expect(inVain).rejects.toThrow(/no space left/);
    await expect(inVain).rejects.toThrow(TransientError);
  });

  test('that is damaged in the cache is downloaded again', async () => {
    const { path } = await downloaded(uri, cache);
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(7) ^ 1, 7);
    writeFileSync(path, damaged);
    expect((await downloaded(uri, cache)).path).toBe(path);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    const { ino } = statSync(path);
    await downloaded(uri, cache);
    expect(statSync(path).ino).toBe(ino);
  });

  test('makes room for others once no job of this process has asked for it', async () => {
    const { path } = await downloaded(uri, cache);
    await removeUnused(cache);
    expect(existsSync(path)).toBe(true);
    utimesSync(`${dirname(path)}.sha256`, 1, 1);
    await removeUnused(cache);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('a small object whose body is cut is asked for again', async () => {
    cut([10, 1000]);
    expect(Buffer.from((await store.get('large.bin')) ?? '').equals(bytes)).toBe(true);
  });

  async function etagOf(): Promise<{ ETag: string }> {
    const { ETag = '' } = await s3().send(new HeadObjectCommand({ Bucket: 'igd-inputs', Key: 'large.bin' }));
    return { ETag };
  }
});
