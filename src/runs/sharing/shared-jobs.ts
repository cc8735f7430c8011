import { setTimeout as delay } from 'node:timers/promises';
import type { JobExecutor, JobListener } from '../jobs/executor.ts';
import type { Job } from '../planning/plan.ts';
import type { RunShare } from './share-run.ts';

/** Between two looks at what others are at, each half as long again as the one before. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** What is told of jobs that several processes do. */
export interface SharedJobListener extends JobListener {
  /** A job that another process has done. */
  elsewhere?(job: Job): void;
  /** How many processes are at it, this one among them. */
  processes?(count: number): void;
}

export interface SharedJobs {
  /** Of one stage, and not done as far as is known. */
  readonly jobs: readonly Job[];
  readonly share: RunShare;
  readonly workers: JobExecutor;
  readonly listener: SharedJobListener;
  readonly signal?: AbortSignal | undefined;
  readonly isDone: (job: Job) => Promise<boolean>;
  /** Key of its result, by which a job is leased. */
  readonly keyOf: (job: Job) => string;
  /** Called after each job of this process, before another one may go on from it. */
  readonly publish?: ((job: Job) => Promise<void>) | undefined;
}

/**
 * Does jobs together with the run's other processes: takes what is free, waits for what others are at, and takes over what they
 * leave behind. Resolves when all are done, by whomever. Throws the signal's reason where it is aborted.
 */
export async function doTogether(options: SharedJobs): Promise<void> {
  const { share, workers, listener, signal, isDone, keyOf } = options;
  const told = new Set<Job>();
  let pause = FIRST_PAUSE_MS;
  for (let left = options.jobs; left.length > 0; ) {
    signal?.throwIfAborted();
    listener.processes?.(1 + (await share.processes.others()).length);
    const free = await share.leases.free(left.map(keyOf));
    if (free.size > 0) {
      await workers.run(
        left.filter((job) => free.has(keyOf(job))),
        leasing(options, told),
      );
      pause = FIRST_PAUSE_MS;
    } else {
      await delay(pause, undefined, { signal }).catch(() => signal?.throwIfAborted());
      pause = Math.min(1.5 * pause, LONGEST_PAUSE_MS);
    }
    const done = await Promise.all(left.map(isDone));
    for (const job of left.filter((one, index) => done[index] && !told.has(one))) listener.elsewhere?.(job);
    left = left.filter((_, index) => !done[index]);
  }
}

/** Begins what can be leased, and gives it back. */
function leasing({ share, listener, isDone, keyOf, publish }: SharedJobs, told: Set<Job>): JobListener {
  const isDoneElsewhere = async (job: Job) => {
    if (!(await isDone(job))) return false;
    told.add(job);
    listener.elsewhere?.(job);
    return true;
  };
  return {
    progress: (job, state) => listener.progress(job, state),
    done(job) {
      told.add(job);
      listener.done(job);
    },
    async begin(job) {
      const key = keyOf(job);
      if ((await isDoneElsewhere(job)) || !(await share.leases.claim(key))) return false;
      // It may have been given back just before, done.
      if (!(await isDoneElsewhere(job))) return true;
      await share.leases.release(key);
      return false;
    },
    async ended(job) {
      if (told.has(job)) await publish?.(job);
      await share.leases.release(keyOf(job));
    },
  };
}
