import { setTimeout as delay } from 'node:timers/promises';
import { GetObjectCommand, type GetObjectCommandInput } from '@aws-sdk/client-s3';
import { messageOf, RunError, TransientError } from '../../errors.ts';
import { backoffMs } from '../backoff.ts';
import { isDiskFull } from '../disk-full.ts';
import { isTransient, s3 } from './client.ts';

/** Times in a row that bring no byte, after which a download is given up: the waits between them are 12 to 15 seconds in all. */
const TRIES = 6;
const FIRST_WAIT_MS = 500;

/** Between tries. */
type Wait = (milliseconds: number) => Promise<unknown>;

/** Where the bytes of an object go. */
export interface ObjectSink {
  /** Takes what lies `position` bytes into the object; asked again for the same place after it failed. */
  readonly write: (chunk: Uint8Array, position: number) => Promise<void>;
  /** Called where the disk was full, before the next try. */
  readonly makeRoom: () => Promise<void>;
}

/**
 * Reads an object of `bytes` bytes. What is cut in its middle goes on where it stopped (a range of the same object: `IfMatch` names it);
 * so does what found the disk full. Requests that get no answer at all have been repeated by the SDK already. Throws
 * TransientError where nothing comes any more, what S3 refuses with as it is.
 */
export async function fetchObject(
  object: GetObjectCommandInput & { readonly IfMatch: string },
  bytes: number,
  { write, makeRoom }: ObjectSink,
  wait: Wait = delay,
): Promise<void> {
  let position = 0;
  for (let tries = 1; ; tries += 1) {
    const before = position;
    const range = position === 0 ? {} : { Range: `bytes=${position}-` };
    const { Body } = await s3().send(new GetObjectCommand({ ...object, ...range }));
    try {
      for await (const chunk of readable(Body)) {
        await write(chunk, position);
        position += chunk.length;
      }
      if (position === bytes) return;
      throw new TransientError(`the connection ended after ${position} of ${bytes} bytes`);
    } catch (cause) {
      const isFull = isDiskFull(cause);
      if (!isFull && !isTransient(cause)) throw cause;
      // All came, and is not what S3 has: nothing is left to ask for.
      if (position === bytes) throw new TransientError(messageOf(cause), { cause });
      if (position > before) tries = 0;
      if (tries === TRIES) throw new TransientError(`${messageOf(cause)} (tried ${TRIES} times)`, { cause });
      if (isFull) await makeRoom();
      await wait(backoffMs(Math.max(1, tries), FIRST_WAIT_MS));
    }
  }
}

/** A small object whole; asked for again where its body was cut. Throws as `fetchObject`, undefined never. */
export async function readObject(object: GetObjectCommandInput, wait: Wait = delay): Promise<Uint8Array> {
  for (let tries = 1; ; tries += 1) {
    const { Body } = await s3().send(new GetObjectCommand(object));
    try {
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    } catch (error) {
      if (!isTransient(error) || tries === TRIES) throw error;
      await wait(backoffMs(tries, FIRST_WAIT_MS));
    }
  }
}

function readable(body: unknown): AsyncIterable<Uint8Array> {
  if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
    return body as AsyncIterable<Uint8Array>;
  throw new RunError('S3 answered without a body');
}
