import type { JobProgress } from './job-progress.ts';
import type { Job } from './plan.ts';

/** Does independent jobs, in any order and as many at a time as it likes. */
export interface Engine {
  /** Resolves when all are done; rejects with the first failure, after which no further job is started. */
  run(jobs: readonly Job[], listener: JobListener): Promise<void>;
  close(): Promise<void>;
}

export interface JobListener {
  progress(job: Job, state: JobProgress): void;
  done(job: Job): void;
}
