import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { RunError } from '../errors.ts';
import { s3 } from '../stores/s3/client.ts';

/** One part is held in memory at a time; what is lost on the way is sent again. */
export const PART_BYTES = 64 * 2 ** 20;

/** S3 takes no more of them. */
const MAX_PARTS = 10_000;

interface Part {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
  readonly ChecksumSHA256: string;
}

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
  const object = { Bucket: upload.bucket, Key: upload.key };
  const { UploadId } = await s3().send(new CreateMultipartUploadCommand({ ...object, ChecksumAlgorithm: 'SHA256' }));
  try {
    const size = Math.max(partBytes, Math.ceil(upload.bytes / MAX_PARTS));
    const Parts = await sendParts({ ...object, UploadId }, upload, size);
    await s3().send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }));
  } catch (error) {
    // Best effort: the bucket's rules remove what is left after a week.
    await s3()
      .send(new AbortMultipartUploadCommand({ ...object, UploadId }))
      .catch(() => undefined);
    throw error;
  }
}

async function sendParts(
  object: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined },
  { path, bytes, sha256 }: PartedUpload,
  size: number,
): Promise<Part[]> {
  const parts: Part[] = [];
  const whole = createHash('sha256');
  const file = await open(path);
  try {
    for (let position = 0; position < bytes; position += size) {
      const Body = await readPart(file, position, Math.min(size, bytes - position));
      whole.update(Body);
      const part = {
        PartNumber: parts.length + 1,
        ChecksumSHA256: createHash('sha256').update(Body).digest('base64'),
      };
      const { ETag } = await s3().send(new UploadPartCommand({ ...object, ...part, Body }));
      parts.push({ ...part, ETag });
    }
  } finally {
    await file.close();
  }
  if (whole.digest('hex') !== sha256) throw new RunError(`${path} was changed while it was uploaded: submit again`);
  return parts;
}

/** Fewer bytes where the file was cut meanwhile. */
async function readPart(file: Awaited<ReturnType<typeof open>>, position: number, size: number): Promise<Buffer> {
  const part = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(part, filled, size - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return part.subarray(0, filled);
}
