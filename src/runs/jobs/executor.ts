import type { Job } from '../planning/plan.ts';

/** Does independent jobs, in any order and as many at a time as it likes. */
export interface JobExecutor {
  /** Resolves when all are done; rejects with the first failure, after which no further job is started. */
  run(jobs: readonly Job[], listener: JobListener): Promise<void>;
  close(): Promise<void>;
}

export interface JobListener {
  /** Asked before a job is begun: one that is refused is left out. */
  begin?(job: Job): Promise<boolean>;
  /** Told after a job that was begun, however it ended. */
  ended?(job: Job): Promise<void>;
  progress(job: Job, state: JobProgress): void;
  done(job: Job): void;
}

/** How far a job is. */
export interface JobProgress {
  /** 0 to 1 */
  readonly fraction: number;
  readonly attack?: string;
  /** Images of the shard no attack has broken so far, and all of them. */
  readonly robust?: number;
  readonly total?: number;
  /** Images the model has evaluated so far in this job. */
  readonly evaluations: number;
  /** The part of both that was done before this start; left out where the job began with it. */
  readonly earlier?: Pick<JobProgress, 'fraction' | 'evaluations'>;
}
