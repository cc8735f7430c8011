import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  paginateListObjectsV2,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { backoffMs } from '../backoff.ts';
import type { Store } from '../store.ts';
import { s3, s3Error, statusOf } from './client.ts';
import { readObject } from './object.ts';

/** Conflicting conditional writes settle within milliseconds; nine tries wait 5 seconds in all. */
const CONFLICT_TRIES = 9;
const FIRST_WAIT_MS = 20;

/** A store in a bucket, under a prefix that is '' or ends with '/'. Throws RunError, naming the key, where S3 refuses. */
export class S3Store implements Store {
  readonly bucket: string;
  readonly prefix: string;

  constructor({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) {
    this.bucket = bucket;
    this.prefix = prefix;
  }

  /** `version`: of a bucket that keeps versions; the newest where left out. */
  async get(key: string, version?: string): Promise<Uint8Array | undefined> {
    try {
      return await readObject({ ...this.#at(key), ...(version !== undefined && { VersionId: version }) });
    } catch (error) {
      if (error instanceof NoSuchKey || isNoVersion(error)) return undefined;
      throw s3Error(error, 'read', this.#uri(key));
    }
  }

  async has(key: string): Promise<boolean> {
    try {
      await s3().send(new HeadObjectCommand(this.#at(key)));
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw s3Error(error, 'read', this.#uri(key));
    }
  }

  async put(key: string, bytes: Uint8Array | string): Promise<void> {
    try {
      await s3().send(new PutObjectCommand({ ...this.#at(key), Body: bodyOf(bytes) }));
    } catch (error) {
      throw s3Error(error, 'write', this.#uri(key));
    }
  }

  /**
   * S3 says 412 where there is an object, and 409 where another writer is at it: then it has to be asked again. Where the
   * answer to a write that succeeded is lost, the SDK asks again and gets a 412 for its own object: the writer's mark on it
   * tells.
   */
  async putNew(key: string, bytes: Uint8Array | string): Promise<boolean> {
    const writer = randomUUID();
    const object = { ...this.#at(key), Body: bodyOf(bytes), Metadata: { writer }, IfNoneMatch: '*' };
    for (let tries = 1; ; tries += 1) {
      try {
        await s3().send(new PutObjectCommand(object));
        return true;
      } catch (error) {
        const status = statusOf(error);
        if (status === 412) return wasRepeated(error) && (await this.#writerOf(key)) === writer;
        if (status !== 409 || tries === CONFLICT_TRIES) throw s3Error(error, 'write', this.#uri(key));
        await delay(backoffMs(tries, FIRST_WAIT_MS));
      }
    }
  }

  /** S3 answers 204 whether or not there was an object. */
  async remove(key: string): Promise<void> {
    try {
      await s3().send(new DeleteObjectCommand(this.#at(key)));
    } catch (error) {
      throw s3Error(error, 'remove', this.#uri(key));
    }
  }

  async list(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    try {
      const input = { Bucket: this.bucket, Prefix: `${this.prefix}${prefix}` };
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3() }, input)) {
        for (const { Key } of Contents) if (Key !== undefined) keys.push(Key.slice(this.prefix.length));
      }
    } catch (error) {
      throw s3Error(error, 'list', this.#uri(prefix));
    }
    return keys.sort();
  }

  async #writerOf(key: string): Promise<string | undefined> {
    try {
      const { Metadata } = await s3().send(new HeadObjectCommand(this.#at(key)));
      return Metadata?.writer;
    } catch (error) {
      throw s3Error(error, 'read', this.#uri(key));
    }
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: `${this.prefix}${key}` };
  }

  #uri(key: string): string {
    return `s3://${this.bucket}/${this.prefix}${key}`;
  }
}

/** The SDK has no class for it. */
function isNoVersion(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === 'NoSuchVersion';
}

/** Whether the SDK sent a request more than once. */
function wasRepeated(error: unknown): boolean {
  return error instanceof S3ServiceException && (error.$metadata.attempts ?? 1) > 1;
}

/** The SDK takes an empty text for a stream of unknown length. */
function bodyOf(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
}
