import './quiet.ts';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isOnnx } from '../../src/schemas/input-paths.ts';
import { downloaded } from '../../src/stores/s3/files.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

const BUCKET = 'igd-others';
let moto: Moto;
let versions: string[];
/** Whether each request to a bucket accepted its costs. */
const accepted: [path: string, payer: unknown][] = [];

describe.runIf(hasMoto)('an input in another bucket', () => {
  beforeAll(async () => {
    moto = await startMoto();
    process.env.IGD_REQUESTER_PAYS = `dear, ${BUCKET}`;
    moto.fail({ instead: 500 }, ({ url = '', headers }: IncomingMessage) => {
      accepted.push([url.replace(/\?.*/, ''), headers['x-amz-request-payer']]);
      return false;
    });
    const s3 = new S3Client({});
    await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await s3.send(new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration }));
    versions = [];
    for (const Body of ['first', 'second']) {
      const { VersionId = '' } = await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a/net.pt', Body }));
      versions.push(VersionId);
    }
  });
  afterAll(async () => {
    delete process.env.IGD_REQUESTER_PAYS;
    await moto.stop();
  });

  const read = async (uri: string) => readFile((await downloaded(uri, temporaryFolder('igd-in-'))).path, 'utf8');

  test('is read in the version that its URI names, or the newest', async () => {
    expect(await read(`s3://${BUCKET}/a/net.pt`)).toBe('second');
    expect(await read(`s3://${BUCKET}/a/net.pt?versionId=${versions[0]}`)).toBe('first');
    const { path, version } = await downloaded(
      `s3://${BUCKET}/a/net.pt?versionId=${versions[0]}`,
      temporaryFolder('igd-in-'),
    );
    expect(version).toBe(versions[0]);
    expect(path.endsWith('/net.pt')).toBe(true);
  });

  test('whose version there is not is said to have none', async () => {
    await expect(read(`s3://${BUCKET}/a/net.pt?versionId=none`)).rejects.toThrow(
      `cannot read s3://${BUCKET}/a/net.pt: it has no version none`,
    );
    await expect(read(`s3://${BUCKET}/a/?versionId=1`)).rejects.toThrow('names a version of a folder');
    await expect(read(`s3://${BUCKET}/a/net.pt?versionId=`)).rejects.toThrow('is no s3://bucket/key');
  });

  test('is read in its newest version where that of a plan was deleted: its digest is compared', async () => {
    const uri = `s3://${BUCKET}/a/net.pt`;
    const planned = await downloaded(uri, temporaryFolder('igd-in-'), versions[0]);
    expect([planned.version, await readFile(planned.path, 'utf8')]).toEqual([versions[0], 'first']);
    await new S3Client({}).send(new DeleteObjectCommand({ Bucket: BUCKET, Key: 'a/net.pt', VersionId: versions[0] }));
    const newest = await downloaded(uri, temporaryFolder('igd-in-'), versions[0]);
    expect([newest.version, await readFile(newest.path, 'utf8')]).toEqual([versions[1], 'second']);
    await expect(read(`${uri}?versionId=${versions[0]}`)).rejects.toThrow(`it has no version ${versions[0]}`);
  });

  test('is an .onnx in whichever version: what is addressed by its content says so', () => {
    expect(['s3://b/net.onnx', 's3://b/net.onnx?versionId=Ab.1', 'net.onnx'].map(isOnnx)).toEqual([true, true, true]);
    expect(['s3://b/net.pt?versionId=a.onnx', 's3://b/net.onnx.pt'].map(isOnnx)).toEqual([false, false]);
  });

  test('is paid for where that was agreed to, and nowhere else', async () => {
    accepted.length = 0;
    await read(`s3://${BUCKET}/a/net.pt`);
    await expect(read('s3://igd-inputs/a/net.pt')).rejects.toThrow('is not there');
    expect(accepted).toEqual([
      [`/${BUCKET}/a/net.pt`, 'requester'],
      [`/${BUCKET}/a/net.pt`, 'requester'],
      ['/igd-inputs/a/net.pt', undefined],
    ]);
  });
});
