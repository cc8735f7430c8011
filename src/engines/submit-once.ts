import { setTimeout as delay } from 'node:timers/promises';
import { BatchServiceException } from '@aws-sdk/client-batch';
import { messageOf, RunError } from '../contracts/errors.ts';

/** How a job gets into a queue, and how it is looked for there. */
export interface Submitting {
  /** Asks once. Gives the id of the job. */
  readonly send: () => Promise<string>;
  /** The id of the job, if it is there. */
  readonly find: () => Promise<string | undefined>;
  readonly wait?: (milliseconds: number) => Promise<unknown>;
}

/** An account may submit 50 jobs a second; eight tries wait 25 seconds or so in all. */
const TRIES = 8;

/** A job may be listed a moment after it was made: the last look is seven seconds after the answer was due. */
const LOOKS = 3;

const FIRST_WAIT_MS = 200;
const FIRST_LOOK_MS = 1000;

/** What Batch answers before it has made anything. */
const THROTTLED = ['TooManyRequestsException', 'ThrottlingException', 'Throttling', 'RequestLimitExceeded'];

/**
 * Makes a job, and makes it once. SubmitJob has no client token: sent again, it makes another job, and the SDK sends again
 * whatever it got no answer to. So it is asked not to (see BatchQueue), and here a request is repeated where Batch has said
 * that it made nothing, while after no answer, or a fault of Batch's own, the job is looked for by its name first. Throws
 * what Batch refuses with.
 */
export async function submitOnce(submitting: Submitting): Promise<string> {
  const { send, find, wait = delay } = submitting;
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      const meaning = meaningOf(error);
      if (meaning === 'refused') throw error;
      const found = meaning === 'unknown' ? await lookFor(find, wait) : undefined;
      if (found !== undefined) return found;
      if (tries === TRIES) throw new RunError(`${messageOf(error)} (tried ${TRIES} times)`, { cause: error });
      // With jitter, so that those that were throttled together do not come back together.
      await wait(FIRST_WAIT_MS * 2 ** (tries - 1) * (0.5 + Math.random() / 2));
    }
  }
}

async function lookFor(find: Submitting['find'], wait: NonNullable<Submitting['wait']>): Promise<string | undefined> {
  for (let look = 1; look <= LOOKS; look += 1) {
    await wait(FIRST_LOOK_MS * 2 ** (look - 1));
    const found = await find();
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a job was made: no, and another time it may be; no, and it never will; or nobody knows. */
function meaningOf(error: unknown): 'throttled' | 'refused' | 'unknown' {
  if (!(error instanceof BatchServiceException)) return 'unknown';
  const { httpStatusCode = 500 } = error.$metadata;
  if (httpStatusCode === 429 || THROTTLED.includes(error.name)) return 'throttled';
  return httpStatusCode >= 500 || httpStatusCode === 408 ? 'unknown' : 'refused';
}
