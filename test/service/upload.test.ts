import './quiet.ts';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localFile, uploadInput } from '../../src/service/upload.ts';
import { S3Store } from '../../src/stores/s3/store.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

/** The least that S3 takes of a part that is not the last. */
const PART = 5 * 2 ** 20;
const IN_PARTS = { inOneRequest: PART, partBytes: PART };

describe.runIf(hasMoto)('a file larger than S3 takes in one request', () => {
  let moto: Moto;
  beforeAll(async () => {
    moto = await startMoto();
  });
  afterAll(() => moto.stop());

  const large = () => {
    const path = join(temporaryFolder('igd-large-'), 'large.bin');
    const bytes = randomBytes(2 * PART + 1000);
    writeFileSync(path, bytes);
    return { path, bytes };
  };
  const bucket = 'igd-inputs';
  const objects = async () => (await new S3Store({ bucket, prefix: '' }).list('')).length;
  const unfinished = async () =>
    (await new S3Client({}).send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? [];

  test('is uploaded in parts, once, though one is lost on its way', async () => {
    const { path, bytes } = large();
    const file = await localFile(path);
    moto.fail({ instead: 500 }, ({ url }: IncomingMessage) => url?.includes('partNumber=2') === true);
    const { uri, sent } = await uploadInput(bucket, file, IN_PARTS);
    expect(sent).toBe(true);
    const stored = await new S3Store({ bucket, prefix: '' }).get(uri.replace(`s3://${bucket}/`, ''));
    expect(bytes.equals(stored ?? Buffer.alloc(0))).toBe(true);
    expect(await uploadInput(bucket, file, IN_PARTS)).toMatchObject({ uri, sent: false });
  });

  test('that changes meanwhile is not there at all, and leaves no parts behind', async () => {
    const { path, bytes } = large();
    const file = await localFile(path);
    const before = await objects();
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(path, bytes);
    await expect(uploadInput(bucket, file, IN_PARTS)).rejects.toThrow(
      'was changed while it was uploaded: submit again',
    );
    expect(await objects()).toBe(before);
    expect(await unfinished()).toEqual([]);
  });
});
