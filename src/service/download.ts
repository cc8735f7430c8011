import { createHash } from 'node:crypto';
import { readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { serviceKeys } from '../schemas/service.ts';
import type { FileStore } from '../stores/folder-store.ts';
import { s3, s3Error } from '../stores/s3/client.ts';
import { readObject } from '../stores/s3/object.ts';

/**
 * What a reader wants of a run; and, with the examples, all that jobs found, as `igd verify` wants it, and `igd run`, which goes on in that
 * folder. Any other name is not ours to write.
 */
const REPORT =
  /^(partial\/\d{3}\/)?([\w.]+=[\w.-]+\/)?(report\.(html|json|csv|md)|(images|classes)\.csv|plan\.json|ranking\.[\w-]+\.json)$/;
const SWEEP = /^(partial\/\d{3}\/)?sweep(-plan)?(\.[\w-]+)?\.(html|json|csv|md|svg)$/;
const EXAMPLES =
  /^([\w.]+=[\w.-]+\/)?(testimony\.json|proof\/[\w@.-]+\.json|(shards|crafted|audit)\/[\w@.-]+\/\d{5}\.(json|npy)|transfer\/[\w@.-]+\/\d{5}\.json|perturbations\/[\w@.-]+\/\d{5}(\.pictures)?\.json)$/;

/** What a reader wants of a schedule's history. */
const HISTORY = /^(index\.html|history\.json)$/;

export interface RemoteFile {
  readonly key: string;
  /** Under the prefix of its run or history. */
  readonly name: string;
  readonly bytes: number;
  readonly etag: string;
  readonly modified: Date;
}

/** The files of a run to download, as the bucket lists them. Throws RunError. */
export async function filesOf(bucket: string, run: string, examples: boolean): Promise<RemoteFile[]> {
  const isWanted = (name: string) => REPORT.test(name) || SWEEP.test(name) || (examples && EXAMPLES.test(name));
  const files = await filesUnder(bucket, serviceKeys.run(run), isWanted);
  return files.filter(({ name }) => !name.startsWith('partial/') || name.startsWith(lastPartial(files)));
}

/** Likewise, the page of a schedule's history and its data. */
export function historyFilesOf(bucket: string, schedule: string): Promise<RemoteFile[]> {
  return filesUnder(bucket, serviceKeys.historyOf(schedule), (name) => HISTORY.test(name));
}

/** The histories of a schedule whose config is a sweep: one for each of its runs, "weekly.temperature=2". */
export async function historiesOfRuns(bucket: string, schedule: string): Promise<string[]> {
  const files = await filesUnder(bucket, `${serviceKeys.history}${schedule}.`, (name) =>
    /^[^/]+=[^/]+\/index\.html$/.test(name),
  );
  return files.map(({ name }) => `${schedule}.${name.slice(0, -'/index.html'.length)}`);
}

async function filesUnder(bucket: string, prefix: string, isWanted: (name: string) => boolean): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  try {
    for await (const { Contents = [] } of paginateListObjectsV2({ client: s3() }, { Bucket: bucket, Prefix: prefix })) {
      for (const { Key = '', Size = 0, ETag = '', LastModified = new Date(0) } of Contents) {
        const name = Key.slice(prefix.length);
        if (!isWanted(name)) continue;
        files.push({ key: Key, name, bytes: Size, etag: ETag.replaceAll('"', ''), modified: LastModified });
      }
    }
  } catch (error) {
    throw s3Error(error, 'list', `s3://${bucket}/${prefix}`);
  }
  return files;
}

/** Where the report is while some of the run is missing: that of the last attempt, unless there is one of the whole run. */
function lastPartial(files: readonly RemoteFile[]): string {
  if (files.some(({ name }) => name === 'report.json' || name === 'sweep.json')) return 'none';
  return files.findLast(({ name }) => name.startsWith('partial/'))?.name.slice(0, 'partial/000/'.length) ?? 'none';
}

/** Downloads a file whole or not at all; false where the folder has it already. Throws RunError. */
export async function downloadFile(bucket: string, file: RemoteFile, folder: FileStore): Promise<boolean> {
  const path = join(folder.root, file.name);
  if (await isSame(path, file)) return false;
  await folder.put(file.name, await read(bucket, file.key));
  await utimes(path, file.modified, file.modified);
  return true;
}

async function read(bucket: string, key: string): Promise<Uint8Array> {
  try {
    return await readObject({ Bucket: bucket, Key: key });
  } catch (error) {
    throw s3Error(error, 'read', `s3://${bucket}/${key}`);
  }
}

/**
 * The ETag is the content's MD5, but not in buckets with keys of their own (KMS): there the time tells, which a download
 * sets to the object's.
 */
async function isSame(path: string, { bytes, etag, modified }: RemoteFile): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || stats.size !== bytes) return false;
  if (Math.abs(stats.mtimeMs - modified.getTime()) < 1) return true;
  return (
    createHash('md5')
      .update(await readFile(path))
      .digest('hex') === etag
  );
}
