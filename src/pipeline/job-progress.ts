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
