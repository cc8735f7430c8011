import { messageOf } from '../errors.ts';
import type { JobProgress } from '../runs/jobs/executor.ts';
import { encodeRecord } from '../schemas/parse-record.ts';
import { remoteKeys, type Task, type TaskProgress, taskProgressSchema } from '../schemas/service.ts';
import type { Store } from '../stores/store.ts';

/** Between two uploads of a task: 4 a minute cost a cent in 8 hours. */
const INTERVAL_MS = 15_000;

export interface TaskReporter {
  start(): Promise<void>;
  /** Of a job, by its label. */
  progress(job: string, state: JobProgress): void;
  done(job: string): void;
  end(): Promise<void>;
}

interface Reported {
  readonly task: Task;
  readonly number: number;
  readonly jobs: readonly unknown[];
  readonly files: Store;
}

/** Tells the bucket how a task is doing, now and then. An upload that fails is logged, never a reason to stop computing. */
export function taskReporter({ task, number, jobs, files }: Reported, log: (line: string) => void): TaskReporter {
  const startedAt = new Date().toISOString();
  const key = remoteKeys.progress(task.attempt, task.stage, number);
  let state: TaskProgress = {
    schema: 'igd.progress/1',
    task: number,
    jobs: jobs.length,
    done: 0,
    job: null,
    fraction: 0,
    attack: null,
    robust: null,
    images: null,
    startedAt,
    at: startedAt,
  };
  const inHand = new Map<string, JobProgress>();
  /** Of several jobs in hand, the record tells how the first that was begun is doing. */
  const look = () => {
    for (const [job, { fraction, attack = null, robust = null, total = null }] of inHand) {
      state = { ...state, job, fraction, attack, robust, images: total };
      return;
    }
  };
  let uploaded = 0;
  let uploading = Promise.resolve();
  const upload = () => {
    uploaded = performance.now();
    state = { ...state, at: new Date().toISOString() };
    const record = encodeRecord(taskProgressSchema.parse(state));
    // One after the other, so that an older state never replaces a newer one.
    uploading = uploading.then(() => files.put(key, record)).catch((error: unknown) => log(messageOf(error)));
    return uploading;
  };
  return {
    start: upload,
    progress(job, progress) {
      inHand.set(job, progress);
      look();
      if (performance.now() - uploaded >= INTERVAL_MS) void upload();
    },
    done(job) {
      inHand.delete(job);
      state = { ...state, job, done: state.done + 1, fraction: 0 };
      look();
      log(`${job} is done (${state.done} of ${state.jobs})`);
    },
    end: upload,
  };
}
