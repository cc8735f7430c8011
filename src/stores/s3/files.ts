import { createHash, type Hash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, HeadObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { InputError, messageOf, RunError } from '../../errors.ts';
import { rememberDigest } from '../file-digest.ts';
import { makeFolder } from '../make-folder.ts';
import { s3, s3Error, s3Problem, statusOf } from './client.ts';

interface Location {
  readonly bucket: string;
  readonly key: string;
  /** Of a bucket that keeps versions; the newest where left out. */
  readonly version?: string | undefined;
}

/** A copy of an object or folder on this machine. */
interface Downloaded {
  readonly path: string;
  /** The version of the object, where its bucket keeps versions. */
  readonly version?: string | undefined;
}

/**
 * A local copy of `s3://bucket/key`, in the version asked for, or of the folder of everything under `s3://bucket/prefix/`. An object is
 * downloaded once into `folder` for each of its contents (ETag and size), whole or not at all, by whoever is first.
 * Throws InputError where it is missing or denied, RunError where the download fails.
 */
export async function downloaded(uri: string, folder: string, version?: string): Promise<Downloaded> {
  const location = { ...parseUri(uri), version };
  return location.key.endsWith('/') ? { path: await downloadFolder(location, folder) } : downloadFile(location, folder);
}

function parseUri(uri: string): Location {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  if (bucket === undefined || key === undefined) throw new InputError(`"${uri}" is no s3://bucket/key`);
  return { bucket, key };
}

async function downloadFile(location: Location, folder: string): Promise<Downloaded> {
  const { etag, size, version } = await versionOf(location);
  const path = join(folder, digest(`${uriOf(location)} ${etag} ${size}`), basename(location.key));
  if (!(await exists(path))) await download({ ...location, version }, etag, path);
  return { path, version };
}

/** Named by what it holds, so that one folder never mixes two versions. */
async function downloadFolder({ bucket, key: prefix }: Location, folder: string): Promise<string> {
  const objects = await listFolder({ bucket, key: prefix });
  if (objects.length === 0) throw new InputError(`there is nothing under ${uriOf({ bucket, key: prefix })}`);
  const target = join(folder, digest(JSON.stringify([bucket, objects])));
  for (const { key, etag } of objects) {
    const path = join(target, basename(key));
    if (!(await exists(path))) await download({ bucket, key }, etag, path);
  }
  return target;
}

async function versionOf(location: Location): Promise<{ etag: string; size: number; version: string | undefined }> {
  try {
    const { ETag, ContentLength, VersionId } = await s3().send(new HeadObjectCommand(parameters(location)));
    // Without them two contents of one name could not be told apart.
    if (ETag === undefined || ContentLength === undefined)
      throw new RunError(`S3 tells neither ETag nor size of ${uriOf(location)}`);
    // S3 says "null" of what was uploaded before its bucket kept versions: that one can be overwritten.
    return { etag: ETag, size: ContentLength, version: VersionId === 'null' ? undefined : VersionId };
  } catch (error) {
    throw inputError(error, location);
  }
}

/** The objects right under a prefix. */
async function listFolder(location: Location): Promise<{ key: string; etag: string }[]> {
  const objects: { key: string; etag: string }[] = [];
  try {
    const input = { Bucket: location.bucket, Prefix: location.key, Delimiter: '/' };
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3() }, input)) {
      for (const { Key, ETag } of Contents) {
        if (Key === undefined || ETag === undefined) throw new RunError(`S3 lists ${uriOf(location)} without ETags`);
        if (!Key.endsWith('/')) objects.push({ key: Key, etag: ETag });
      }
    }
    return objects;
  } catch (error) {
    throw inputError(error, location);
  }
}

/** Of the version asked for or of none: an object replaced meanwhile is a 412. */
async function download(location: Location, etag: string, path: string): Promise<void> {
  const unfinished = `${path}.${randomUUID()}.unfinished`;
  try {
    const { Body } = await s3().send(new GetObjectCommand({ ...parameters(location), IfMatch: etag }));
    await makeFolder(dirname(path));
    if (!(Body instanceof Readable)) throw new RunError('S3 answered without a body');
    const hash = createHash('sha256');
    await pipeline(Body, hashed(hash), createWriteStream(unfinished));
    await rename(unfinished, path);
    await rememberDigest(path, hash.digest('hex'));
  } catch (cause) {
    await rm(unfinished, { force: true });
    if (statusOf(cause) !== undefined) throw inputError(cause, location);
    throw new RunError(`cannot download ${uriOf(location)} to ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** The same bytes, hashed as they pass: no file is read a second time to know what it is. */
function hashed(hash: Hash) {
  return async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
}

/** What S3 denies or has not is for whoever named it to put right; its own faults are not. */
function inputError(error: unknown, location: Location): InputError | RunError {
  const status = statusOf(error);
  const permanent = status === 403 || status === 404;
  if (error instanceof RunError) return error;
  if (!permanent) return s3Error(error, 'read', uriOf(location));
  return new InputError(s3Problem(error, 'read', uriOf(location)), { cause: error });
}

function parameters({ bucket, key, version }: Location): { Bucket: string; Key: string; VersionId?: string } {
  return { Bucket: bucket, Key: key, ...(version !== undefined && { VersionId: version }) };
}

function uriOf({ bucket, key }: Location): string {
  return `s3://${bucket}/${key}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
