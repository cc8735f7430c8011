import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { checksumOf } from '../datasets/fetch.ts';
import { InputError, messageOf, RunError } from '../errors.ts';
import { AS_ONE_FILE, externalLocations } from '../runs/inputs/onnx-file.ts';
import { isOnnx } from '../schemas/input-paths.ts';
import { UPLOADS } from '../schemas/service.ts';
import { s3, s3Error, statusOf } from '../stores/s3/client.ts';
import { PART_BYTES, type PartedUpload, uploadInParts } from './multipart.ts';

/** What S3 takes in one request; more goes in parts. */
const MAX_BYTES = 5 * 2 ** 30;

export interface Upload {
  readonly path: string;
  readonly uri: string;
  readonly bytes: number;
  /** False where the bucket had it already. */
  readonly sent: boolean;
}

/** A local file that is to be an input of the service. */
export interface LocalFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Throws InputError where it cannot be read, is a folder, or is not all of a model. */
export async function localFile(path: string): Promise<LocalFile> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new InputError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  });
  if (!stats.isFile())
    throw new InputError(
      `${path} is a folder: the service takes files, give the archive it came from, a tar of its images (tar -cf x.tar -C ${path} .), or ` +
        'one Parquet file of all its rows',
    );
  await requireWholeModel(path);
  return { path, bytes: stats.size, sha256: (await checksumOf(path, 'sha256')).hex };
}

/** Throws InputError for an .onnx that keeps weights in files beside it: a job would get it alone. */
async function requireWholeModel(path: string): Promise<void> {
  const beside = isOnnx(path) ? await externalLocations(path) : [];
  if (beside.length === 0) return;
  throw new InputError(
    `${path} keeps its weights beside it, in ${beside.join(', ')}, and the service takes a model as one file: ` +
      `save it as one (${AS_ONE_FILE}), which a model of up to 2 GB can be`,
  );
}

/** Puts a file into the inputs bucket under its checksum, unless it is there. S3 compares the checksum as well. Throws RunError. */
export async function uploadInput(
  bucket: string,
  { path, bytes, sha256 }: LocalFile,
  { inOneRequest = MAX_BYTES, partBytes = PART_BYTES } = {},
): Promise<Upload> {
  const key = `${UPLOADS}${sha256}/${basename(path).replaceAll(/[^\w.-]/g, '_')}`;
  const uri = `s3://${bucket}/${key}`;
  if (await isThere(bucket, key, bytes)) return { path, uri, bytes, sent: false };
  const object = { bucket, key, path, bytes, sha256 };
  await (bytes > inOneRequest ? uploadInParts(object, partBytes) : uploadWhole(object)).catch((error: unknown) => {
    throw error instanceof RunError ? error : s3Error(error, 'write', uri);
  });
  return { path, uri, bytes, sent: true };
}

async function uploadWhole({ bucket, key, path, bytes, sha256 }: PartedUpload): Promise<void> {
  const put = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: createReadStream(path),
    ContentLength: bytes,
    ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
  });
  await s3().send(put);
}

async function isThere(bucket: string, key: string, bytes: number): Promise<boolean> {
  try {
    const { ContentLength } = await s3().send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return ContentLength === bytes;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw s3Error(error, 'read', `s3://${bucket}/${key}`);
  }
}
