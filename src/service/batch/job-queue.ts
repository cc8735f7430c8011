/** Jobs wait here for a machine: AWS Batch, or what a test puts in its place. */
export interface JobQueue {
  /** Gives the id of the job. However answers are lost on the way, one job is made. */
  submit(request: JobRequest): Promise<string>;
  /** Of the jobs the queue still knows: it forgets ended ones after some days. */
  describe(ids: readonly string[]): Promise<JobState[]>;
  /** Why jobs of an array wait for a machine, where that is known: the array itself is only pending then. */
  pendingReasons(array: string): Promise<string[]>;
  /** The id of the job of this name that was made at `since` or later; undefined where there is none. */
  find(queue: string, name: string, since: Date): Promise<string | undefined>;
  /** The newest revision of a job definition, as `NAME:REVISION`. Throws RunError where there is none. */
  newestRevision(jobDefinition: string): Promise<string>;
  /** Ends jobs, waiting or running. */
  terminate(ids: readonly string[], reason: string): Promise<void>;
}

export interface JobRequest {
  readonly name: string;
  readonly queue: string;
  readonly jobDefinition: string;
  /** Letters and digits: jobs that share one take turns with the others. Of queues that keep shares, and of no other. */
  readonly share?: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** 1 is a plain job, more an array of that many. */
  readonly arraySize: number;
  /** Ids of jobs that have to succeed first. */
  readonly dependsOn: readonly string[];
  /** When this was first to be submitted: an older job of the same name is other work, of a run that was deleted. */
  readonly since: Date;
  /** For the bill. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface JobState {
  readonly id: string;
  readonly name: string;
  readonly status: JobStatus;
  /** Why it ended, or why it waits. */
  readonly statusReason?: string;
  /** Of an array: how many of its jobs have which status. */
  readonly statusSummary?: Partial<Readonly<Record<JobStatus, number>>>;
}

export const JOB_STATUSES = ['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING', 'SUCCEEDED', 'FAILED'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** The most jobs one array holds. */
export const MAX_ARRAY = 10_000;

export function hasEnded({ status }: JobState): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED';
}
