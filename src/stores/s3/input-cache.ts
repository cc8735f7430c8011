import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { GetObjectCommandInput } from '@aws-sdk/client-s3';
import { messageOf, RunError, TransientError } from '../../errors.ts';
import { isDiskFull } from '../disk-full.ts';
import { rememberDigest, rememberedDigest } from '../file-digest.ts';
import { makeFolder } from '../make-folder.ts';
import { isTransient, statusOf } from './client.ts';
import { fetchObject } from './object.ts';

/** Beside each entry's folder: one of the SHA-256 of its files. Its time is that of the entry's last use. */
const DIGESTS = '.sha256';

/** An object in one of its contents, to be had once under `path`. */
export interface CachedObject {
  /** `IfMatch` is the ETag the content has. */
  readonly request: GetObjectCommandInput & { readonly IfMatch: string };
  readonly bytes: number;
  /** `cache/entry/name`; the entry's name tells contents apart. */
  readonly path: string;
  /** For messages. */
  readonly uri: string;
}

/**
 * Sees to it that `path` holds the object. A cache may be shared by the jobs of a host: a file appears whole, whoever is first, and one that
 * is not what was downloaded (a host died, somebody wrote) is downloaded again. Throws TransientError where the network or a full disk
 * did not come round, RunError where the file system refuses, what S3 refuses with as it is.
 */
export async function cacheObject(object: CachedObject): Promise<void> {
  if (!(await isIntact(object.path))) await download(object);
  await markUsed(dirname(object.path));
}

async function isIntact(path: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  const expected = await readFile(digestPath(path), 'utf8').catch(() => undefined);
  // Of a cache of before: what was planned is compared with what is there in any case.
  if (expected === undefined) return true;
  return expected === (await rememberedDigest(path, path, () => hashFile(path)));
}

async function download({ request, bytes, path, uri }: CachedObject): Promise<void> {
  const unfinished = `${path}.${randomUUID()}.unfinished`;
  try {
    await makeFolder(dirname(path));
    await makeFolder(dirname(digestPath(path)));
    const digest = await downloadTo(unfinished, request, bytes, dirname(dirname(path)));
    await writeFile(digestPath(path), digest);
    await rename(unfinished, path);
    await rememberDigest(path, digest);
  } catch (cause) {
    await rm(unfinished, { force: true });
    if (statusOf(cause) !== undefined) throw cause;
    const Kind = isDiskFull(cause) || isTransient(cause) ? TransientError : RunError;
    throw new Kind(`cannot download ${uri} to ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** Gives the SHA-256 of the bytes, taken as they pass: no file is read a second time to know what it is. */
async function downloadTo(
  path: string,
  request: CachedObject['request'],
  bytes: number,
  cache: string,
): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    const write = async (chunk: Uint8Array, position: number) => {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
        done += bytesWritten;
      }
      hash.update(chunk);
    };
    await fetchObject(request, bytes, { write, makeRoom: () => removeUnused(cache) });
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** Removes what no job of this process has asked for: inputs of other runs, which can be downloaded again. */
export async function removeUnused(cache: string, since = Date.now() - process.uptime() * 1000): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    if (!name.endsWith(DIGESTS)) continue;
    const digests = join(cache, name);
    const used = await stat(digests).catch(() => undefined);
    if (used === undefined || used.mtimeMs >= since) continue;
    for (const folder of [digests.slice(0, -DIGESTS.length), digests])
      await rm(folder, { recursive: true, force: true });
  }
}

/** Best effort: a cache that cannot be written to is still one. */
async function markUsed(entry: string): Promise<void> {
  const now = new Date();
  await utimes(`${entry}${DIGESTS}`, now, now).catch(() => undefined);
}

function digestPath(path: string): string {
  return join(`${dirname(path)}${DIGESTS}`, basename(path));
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
