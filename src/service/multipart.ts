import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { Upload } from '@aws-sdk/lib-storage';
import { RunError } from '../errors.ts';
import { s3 } from '../stores/s3/client.ts';

/** One part is held in memory at a time; what is lost on the way is sent again. */
export const PART_BYTES = 64 * 2 ** 20;

/** S3 takes no more of them. */
const MAX_PARTS = 10_000;

/** Where an object goes, and the local file that becomes it. */
export interface PartedUpload {
  readonly bucket: string;
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
  /** Of the whole file, in hex: S3 compares that of each part only. */
  readonly sha256: string;
}

/**
 * Puts a file into a bucket in parts: it is there whole, or not at all. Throws RunError where the file has changed since it was hashed,
 * what S3 refuses with as it is.
 */
export async function uploadInParts(upload: PartedUpload, partBytes = PART_BYTES): Promise<void> {
  const { bucket, key, bytes } = upload;
  const params = {
    Bucket: bucket,
    Key: key,
    Body: Readable.from(asHashed(upload)),
    ChecksumAlgorithm: 'SHA256',
  } as const;
  const partSize = Math.max(partBytes, Math.ceil(bytes / MAX_PARTS));
  await new Upload({ client: s3(), params, partSize, queueSize: 1 }).done();
}

/** The file's bytes. What ends with an error is not completed. */
async function* asHashed({ path, sha256 }: PartedUpload): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest('hex') !== sha256) throw new RunError(`${path} was changed while it was uploaded: submit again`);
}
