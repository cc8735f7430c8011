import {
  BatchClient,
  DescribeJobsCommand,
  type JobDetail,
  paginateListJobs,
  SubmitJobCommand,
  TerminateJobCommand,
} from '@aws-sdk/client-batch';
import { messageOf, RunError } from '../contracts/errors.ts';
import { JOB_STATUSES, type JobQueue, type JobRequest, type JobState, MAX_ARRAY } from './job-queue.ts';

/** Jobs one DescribeJobs call takes. */
const DESCRIBED_AT_ONCE = 100;

/** Jobs one job may depend on. */
const MAX_DEPENDENCIES = 20;

/** Throttling is tried again: an account may submit 50 jobs a second. */
const ATTEMPTS = 8;

/** Queues of AWS Batch. Throws RunError, naming the job, where Batch refuses. */
export class BatchQueue implements JobQueue {
  readonly #client = new BatchClient({ maxAttempts: ATTEMPTS });

  async submit(request: JobRequest): Promise<string> {
    const { name, queue, jobDefinition, environment, arraySize, dependsOn, tags } = request;
    if (arraySize < 1 || arraySize > MAX_ARRAY) throw new RunError(`an array of ${arraySize} jobs is none for Batch`);
    if (dependsOn.length > MAX_DEPENDENCIES) throw new RunError(`${name} depends on ${dependsOn.length} jobs`);
    const { jobId } = await act(`submit job ${name} to ${queue}`, () =>
      this.#client.send(
        new SubmitJobCommand({
          jobName: name,
          jobQueue: queue,
          jobDefinition,
          ...(arraySize === 1 ? {} : { arrayProperties: { size: arraySize } }),
          dependsOn: dependsOn.map((id) => ({ jobId: id })),
          containerOverrides: {
            environment: Object.entries(environment).map(([variable, value]) => ({ name: variable, value })),
          },
          tags: { ...tags },
          propagateTags: true,
        }),
      ),
    );
    if (jobId === undefined) throw new RunError(`Batch gave no id for job ${name}`);
    return jobId;
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

  async find(queue: string, name: string): Promise<string | undefined> {
    return act(`list the jobs of ${queue}`, async () => {
      const filters = [{ name: 'JOB_NAME', values: [name] }];
      for await (const { jobSummaryList = [] } of paginateListJobs(
        { client: this.#client },
        { jobQueue: queue, filters },
      ))
        for (const { jobId, jobName } of jobSummaryList) if (jobName === name) return jobId;
      return undefined;
    });
  }

  /** TerminateJob, not CancelJob: it ends running jobs too. Of an array it ends every child. */
  async cancel(ids: readonly string[], reason: string): Promise<void> {
    for (const jobId of ids)
      await act(`end job ${jobId}`, () => this.#client.send(new TerminateJobCommand({ jobId, reason })));
  }
}

function stateOf({
  jobId = '',
  jobName = '',
  status = 'SUBMITTED',
  statusReason,
  arrayProperties,
}: JobDetail): JobState {
  const summary = arrayProperties?.statusSummary;
  return {
    id: jobId,
    name: jobName,
    status,
    ...(statusReason === undefined ? {} : { reason: statusReason }),
    ...(summary === undefined || arrayProperties?.size === undefined
      ? {}
      : { counts: Object.fromEntries(JOB_STATUSES.map((key) => [key, summary[key] ?? 0])) }),
  };
}

async function act<T>(doing: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (cause) {
    throw new RunError(`cannot ${doing}: ${messageOf(cause)}`, { cause });
  }
}
