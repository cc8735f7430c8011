import { setTimeout as delay } from 'node:timers/promises';
import {
  BatchClient,
  BatchServiceException,
  DescribeJobsCommand,
  type JobDetail,
  ListJobsCommand,
  paginateDescribeJobDefinitions,
  paginateListJobs,
  SubmitJobCommand,
  type SubmitJobCommandInput,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { messageOf, RunError, TransientError } from '../../errors.ts';
import { backoffMs } from '../../stores/backoff.ts';
import { JOB_STATUSES, type JobQueue, type JobRequest, type JobState, MAX_ARRAY } from './job-queue.ts';

/** Jobs one DescribeJobs call takes. */
const DESCRIBED_AT_ONCE = 100;

/** Jobs one job may depend on. */
const MAX_DEPENDENCIES = 20;

/** Throttling and network faults are tried again by the SDK, where to ask twice is to ask once. */
const ATTEMPTS = 8;

/** A request that has no answer by then gets none: Batch answers within a second. */
const ANSWER_MS = 30_000;

/** Jobs of an array wait for the same machines: a few tell why. */
const ASKED_WHY = 20;

/** Clocks of two machines of AWS differ by less. */
const CLOCK_SKEW_MS = 60_000;

/** Queues of AWS Batch. Throws RunError, naming the job, where Batch refuses. */
export class BatchQueue implements JobQueue {
  readonly #client = new BatchClient({ maxAttempts: ATTEMPTS });
  /** For SubmitJob alone, which is never sent again unseen: see submitIdempotently. */
  readonly #submitter = new BatchClient({
    maxAttempts: 1,
    requestHandler: { requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
  });

  async submit(request: JobRequest): Promise<string> {
    const { name, queue, arraySize, dependsOn, since } = request;
    if (arraySize < 1 || arraySize > MAX_ARRAY) throw new RunError(`an array of ${arraySize} jobs is none for Batch`);
    if (dependsOn.length > MAX_DEPENDENCIES) throw new RunError(`${name} depends on ${dependsOn.length} jobs`);
    const command = new SubmitJobCommand(submission(request));
    const send = async () => {
      const { jobId } = await this.#submitter.send(command);
      if (jobId === undefined) throw new RunError(`Batch gave no id for job ${name}`);
      return jobId;
    };
    return act(`submit job ${name} to ${queue}`, () =>
      submitIdempotently({ send, find: () => this.find(queue, name, since) }),
    );
  }

  async describe(ids: readonly string[]): Promise<JobState[]> {
    const states: JobState[] = [];
    for (let first = 0; first < ids.length; first += DESCRIBED_AT_ONCE) {
      const jobIds = ids.slice(first, first + DESCRIBED_AT_ONCE);
      const { jobs = [] } = await act('describe jobs', () =>
        this.#client.send(new DescribeJobsCommand({ jobs: jobIds })),
      );
      states.push(...jobs.map(stateOf));
    }
    return states;
  }

  async pendingReasons(array: string): Promise<string[]> {
    const { jobSummaryList = [] } = await act(`list the jobs of ${array}`, () =>
      this.#client.send(new ListJobsCommand({ arrayJobId: array, jobStatus: 'RUNNABLE', maxResults: ASKED_WHY })),
    );
    return [...new Set(jobSummaryList.flatMap(({ statusReason }) => statusReason ?? []))];
  }

  async find(queue: string, name: string, since: Date): Promise<string | undefined> {
    const earliest = since.getTime() - CLOCK_SKEW_MS;
    return act(`list the jobs of ${queue}`, async () => {
      const filters = [{ name: 'JOB_NAME', values: [name] }];
      for await (const { jobSummaryList = [] } of paginateListJobs(
        { client: this.#client },
        { jobQueue: queue, filters },
      ))
        for (const { jobId, jobName, createdAt = 0 } of jobSummaryList)
          if (jobName === name && createdAt >= earliest) return jobId;
      return undefined;
    });
  }

  async newestRevision(jobDefinition: string): Promise<string> {
    const asked = { jobDefinitionName: jobDefinition, status: 'ACTIVE' };
    const newest = await act(`describe job definition ${jobDefinition}`, async () => {
      let revision = 0;
      for await (const { jobDefinitions = [] } of paginateDescribeJobDefinitions({ client: this.#client }, asked))
        revision = Math.max(revision, ...jobDefinitions.map((definition) => definition.revision ?? 0));
      return revision;
    });
    if (newest === 0)
      throw new RunError(`Batch has no job definition ${jobDefinition}: deploy the stack again (npx cdk deploy)`);
    return `${jobDefinition}:${newest}`;
  }

  /** TerminateJob, not CancelJob: it ends running jobs too. Of an array it ends every child. */
  async terminate(ids: readonly string[], reason: string): Promise<void> {
    for (const jobId of ids)
      await act(`terminate job ${jobId}`, () => this.#client.send(new TerminateJobCommand({ jobId, reason })));
  }
}

function submission(request: JobRequest): SubmitJobCommandInput {
  const { name, queue, jobDefinition, share, environment, arraySize, dependsOn, tags } = request;
  return {
    jobName: name,
    jobQueue: queue,
    jobDefinition,
    // Within a share all are alike.
    ...(share === undefined ? {} : { shareIdentifier: share, schedulingPriorityOverride: 0 }),
    ...(arraySize === 1 ? {} : { arrayProperties: { size: arraySize } }),
    dependsOn: dependsOn.map((id) => ({ jobId: id })),
    containerOverrides: {
      environment: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
    },
    tags: { ...tags },
    propagateTags: true,
  };
}

function stateOf({ jobId, jobName, status, statusReason, arrayProperties }: JobDetail): JobState {
  if (jobId === undefined || jobName === undefined || status === undefined)
    throw new RunError(`Batch describes job ${jobName ?? jobId} without its id, name or status`);
  const summary = arrayProperties?.statusSummary;
  return {
    id: jobId,
    name: jobName,
    status,
    ...(statusReason === undefined ? {} : { statusReason }),
    ...(summary === undefined || arrayProperties?.size === undefined
      ? {}
      : { statusSummary: Object.fromEntries(JOB_STATUSES.map((key) => [key, summary[key] ?? 0])) }),
  };
}

/** Throws RunError where Batch refuses, TransientError where it may do so another time. */
export async function act<T>(doing: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (cause) {
    const Kind = meaningOf(rootOf(cause)) === 'refused' ? RunError : TransientError;
    throw new Kind(`cannot ${doing}: ${messageOf(cause)}`, { cause });
  }
}

/** What Batch said, or did not: a submission wraps its last answer. */
function rootOf(error: unknown): unknown {
  return error instanceof RunError && error.cause !== undefined ? error.cause : error;
}

/** How a job gets into a queue, and how it is looked for there. */
export interface JobSubmission {
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
export async function submitIdempotently(submitting: JobSubmission): Promise<string> {
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
      await wait(backoffMs(tries, FIRST_WAIT_MS));
    }
  }
}

async function lookFor(
  find: JobSubmission['find'],
  wait: NonNullable<JobSubmission['wait']>,
): Promise<string | undefined> {
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
