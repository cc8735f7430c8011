import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { HeadObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { InputError, RunError } from '../../errors.ts';
import { s3, s3Error, s3Problem, statusOf } from './client.ts';
import { cacheObject } from './input-cache.ts';

interface Location {
  readonly bucket: string;
  readonly key: string;
  /** Of a bucket that keeps versions; the newest where left out. */
  readonly version?: string | undefined;
}

/** What tells one content of an object from another. */
interface Content {
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

/** A copy of an object or folder on this machine. */
interface Downloaded {
  readonly path: string;
  /** The version of the object, where its bucket keeps versions. */
  readonly version?: string | undefined;
}

/**
 * A local copy of `s3://bucket/key`, in the version asked for or that `?versionId=` names, or of the folder of everything under `s3://bucket/prefix/`. An object is
 * downloaded once into `folder` for each of its contents (ETag and size), whole or not at all, by whoever is first. Where the version asked for was deleted since, and the URI
 * names none, it is the newest: who asks for a version has a digest to compare it with.
 * Throws InputError where it is missing or denied, TransientError where network or disk did not come round, RunError where the download fails.
 */
export async function downloaded(uri: string, folder: string, version?: string): Promise<Downloaded> {
  const named = parseUri(uri);
  const location = { ...named, version: version ?? named.version };
  if (location.key.endsWith('/')) return { path: await downloadFolder(location, folder) };
  return downloadFile(location, folder).catch((error: unknown) => {
    if (!(error instanceof MissingVersion) || named.version !== undefined) throw error;
    return downloadFile(named, folder);
  });
}

/** A version that was deleted, or never was. */
class MissingVersion extends InputError {}

function parseUri(uri: string): Location {
  const [, bucket, key, version] = /^s3:\/\/([^/]+)\/(.+?)(?:\?versionId=([^?&]*))?$/.exec(uri) ?? [];
  if (bucket === undefined || key === undefined || version === '')
    throw new InputError(`"${uri}" is no s3://bucket/key, nor s3://bucket/key?versionId=VERSION`);
  if (version !== undefined && key.endsWith('/'))
    throw new InputError(`"${uri}" names a version of a folder: only objects have versions`);
  return { bucket, key, version };
}

async function downloadFile(location: Location, folder: string): Promise<Downloaded> {
  const { etag, size, version } = await versionOf(location);
  const path = join(folder, digest(`${uriOf(location)} ${etag} ${size}`), basename(location.key));
  await download({ ...location, version }, { etag, size }, path);
  return { path, version };
}

/** Named by what it holds, so that one folder never mixes two versions. */
async function downloadFolder({ bucket, key: prefix }: Location, folder: string): Promise<string> {
  const objects = await listFolder({ bucket, key: prefix });
  if (objects.length === 0) throw new InputError(`there is nothing under ${uriOf({ bucket, key: prefix })}`);
  const target = join(folder, digest(JSON.stringify([bucket, objects.map(({ key, etag }) => ({ key, etag }))])));
  for (const { key, etag, size } of objects)
    await download({ bucket, key }, { etag, size }, join(target, basename(key)));
  return target;
}

async function versionOf(location: Location): Promise<Content & { readonly version: string | undefined }> {
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
async function listFolder(location: Location): Promise<(Content & { readonly key: string })[]> {
  const objects: (Content & { readonly key: string })[] = [];
  try {
    const input = { Bucket: location.bucket, Prefix: location.key, Delimiter: '/' };
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3() }, input)) {
      for (const { Key, ETag, Size = 0 } of Contents) {
        if (Key === undefined || ETag === undefined) throw new RunError(`S3 lists ${uriOf(location)} without ETags`);
        if (!Key.endsWith('/')) objects.push({ key: Key, etag: ETag, size: Size });
      }
    }
    return objects;
  } catch (error) {
    throw inputError(error, location);
  }
}

/** Of the version asked for or of none: an object replaced meanwhile is a 412. */
async function download(location: Location, { etag, size }: Content, path: string): Promise<void> {
  const request = { ...parameters(location), IfMatch: etag };
  try {
    await cacheObject({ request, bytes: size, path, uri: uriOf(location) });
  } catch (error) {
    throw inputError(error, location);
  }
}

/** What S3 denies or has not is for whoever named it to put right; its own faults are not. */
function inputError(error: unknown, location: Location): InputError | RunError {
  const status = statusOf(error);
  const permanent = status === 403 || status === 404;
  if (error instanceof RunError) return error;
  // A version that never was is a 400, a mark of deletion a 405.
  if (location.version !== undefined && [400, 404, 405].includes(status ?? 0))
    return new MissingVersion(`cannot read ${uriOf(location)}: it has no version ${location.version}`, {
      cause: error,
    });
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
