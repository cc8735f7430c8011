import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { BatchClient, DescribeJobsCommand, type JobDetail, ListJobsCommand } from '@aws-sdk/client-batch';
import type { Service } from '../../src/schemas/service.ts';
import { BatchQueue } from '../../src/service/batch/batch-queue.ts';
import type { JobQueue, JobState, JobStatus } from '../../src/service/batch/job-queue.ts';
import { runTask } from '../../src/service/task-runner.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Does one task given its environment, and gives the exit code. */
export type Container = (env: Record<string, string>) => Promise<number>;

/** The runner in this process: as the container would, but for loading it. */
export const inProcess: Container = (env) =>
  runTask({ env: { ...process.env, ...env }, signal: new AbortController().signal, log: () => undefined });

/** The container's entry as a process of its own; `kill` ends it when that says so. */
export function asProcess(kill?: {
  readonly signal: NodeJS.Signals;
  readonly when: (spawned: Date) => Promise<boolean>;
}): Container {
  return (env) =>
    new Promise((done, fail) => {
      const child = spawn(process.execPath, ['containers/runner/entrypoint.mjs'], {
        cwd: ROOT,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const spawned = new Date();
      let killed = kill === undefined;
      const watch = setInterval(async () => {
        if (killed || !(await kill?.when(spawned)) || killed) return;
        killed = true;
        child.kill(kill?.signal);
      }, 100);
      child.on('error', fail);
      child.on('close', (code) => {
        clearInterval(watch);
        done(code ?? KILLED);
      });
    });
}

/** What a container's exit code is after SIGKILL. */
const KILLED = 137;

/** Batch's words for it. */
export const NO_MACHINE = 'MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE';

interface ClusterJob {
  readonly id: string;
  readonly size: number;
  readonly dependsOn: readonly string[];
  status: JobStatus;
  statusReason?: string;
}

/**
 * What AWS Batch does and moto does not: jobs go to Batch (moto) through the real client, which says at once that they have
 * succeeded; here they wait until they are run, and say how that went.
 */
export class Cluster implements JobQueue {
  readonly jobs: ClusterJob[] = [];
  readonly #batch = new BatchQueue();
  readonly #client = new BatchClient({});
  readonly #service: Service;

  constructor(service: Service) {
    this.#service = service;
  }

  async submit(request: Parameters<JobQueue['submit']>[0]): Promise<string> {
    const id = await this.#batch.submit(request);
    this.jobs.push({ id, size: request.arraySize, dependsOn: request.dependsOn, status: 'RUNNABLE' });
    return id;
  }

  async describe(ids: readonly string[]): Promise<JobState[]> {
    const states = await this.#batch.describe(ids);
    return states.map((state) => {
      const { status, statusReason, size } = this.#job(state.id);
      const summary = size > 1 ? { statusSummary: { [status]: size } } : {};
      const why = statusReason === undefined ? {} : { statusReason };
      return { id: state.id, name: state.name, status, ...why, ...summary };
    });
  }

  /** Takes in what others have submitted to Batch. */
  async adopt(queue: string): Promise<void> {
    const { jobSummaryList = [] } = await this.#client.send(
      new ListJobsCommand({ jobQueue: queue, filters: [{ name: 'JOB_NAME', values: ['igd-*'] }] }),
    );
    for (const { jobId: id = '' } of jobSummaryList) {
      // moto lists an array's children too.
      if (id.includes(':') || this.jobs.some((job) => job.id === id)) continue;
      const { arrayProperties, dependsOn = [] } = await this.#detail({ id });
      const needs = dependsOn.map(({ jobId = '' }) => jobId);
      this.jobs.push({ id, size: arrayProperties?.size ?? 1, dependsOn: needs, status: 'RUNNABLE' });
    }
  }

  /** What waits in vain says so: nothing starts here until it is run. */
  async pendingReasons(array: string): Promise<string[]> {
    return this.#job(array).status === 'RUNNABLE' ? [`${NO_MACHINE} (${array})`] : [];
  }

  find(queue: string, name: string, since: Date): Promise<string | undefined> {
    return this.#batch.find(queue, name, since);
  }

  newestRevision(jobDefinition: string): Promise<string> {
    return this.#batch.newestRevision(jobDefinition);
  }

  async terminate(ids: readonly string[], reason: string): Promise<void> {
    await this.#batch.terminate(ids, reason);
    for (const id of ids) Object.assign(this.#job(id), { status: 'FAILED', statusReason: reason });
  }

  /** Runs what waits and may start, every index of it; gives the events Batch would send, children's first. */
  async run(container: Container): Promise<unknown[]> {
    const events: unknown[] = [];
    for (const job of this.jobs.filter(({ status }) => status === 'RUNNABLE')) {
      const needs = job.dependsOn.map((id) => this.#job(id).status);
      if (needs.includes('FAILED')) Object.assign(job, { status: 'FAILED', statusReason: 'Dependent Job failed' });
      else if (needs.every((status) => status === 'SUCCEEDED')) events.push(...(await this.#runJob(job, container)));
      else continue;
      events.push(jobEvent(await this.#detail(job), job.status));
    }
    return events;
  }

  async #runJob(job: ClusterJob, container: Container): Promise<unknown[]> {
    const detail = await this.#detail(job);
    // The job definition's, and then the job's own.
    const service = { IGD_SERVICE: JSON.stringify(this.#service) };
    const variables = (detail.container?.environment ?? []).map(({ name = '', value = '' }) => [name, value]);
    const events: unknown[] = [];
    let failed = 0;
    for (let index = 0; index < job.size; index += 1) {
      const place = job.size > 1 ? { AWS_BATCH_JOB_ARRAY_INDEX: String(index) } : {};
      const code = await container({ ...service, ...Object.fromEntries(variables), ...place });
      if (code !== 0) failed += 1;
      if (job.size > 1) events.push(jobEvent(detail, code === 0 ? 'SUCCEEDED' : 'FAILED', index));
    }
    job.status = failed === 0 ? 'SUCCEEDED' : 'FAILED';
    if (failed > 0) job.statusReason = 'Essential container in task exited';
    return events;
  }

  async #detail({ id }: Pick<ClusterJob, 'id'>): Promise<JobDetail> {
    const { jobs = [] } = await this.#client.send(new DescribeJobsCommand({ jobs: [id] }));
    const [detail] = jobs;
    if (detail === undefined) throw new Error(`Batch does not know job ${id}`);
    return detail;
  }

  #job(id: string): ClusterJob {
    const job = this.jobs.find((candidate) => candidate.id === id);
    if (job === undefined) throw new Error(`job ${id} was not submitted here`);
    return job;
  }
}

/** A "Batch Job State Change" as the documentation shows it; `index` makes it a child's. */
function jobEvent(detail: JobDetail, status: string, index?: number): unknown {
  const { jobId, jobArn, jobName, jobQueue, jobDefinition, container, tags, arrayProperties } = detail;
  const child = index === undefined ? undefined : { arrayProperties: { index } };
  const parent = arrayProperties?.size === undefined ? {} : { arrayProperties: { size: arrayProperties.size } };
  return {
    version: '0',
    id: 'c8f9c4b5-76e5-d76a-f980-7011e206042b',
    'detail-type': 'Batch Job State Change',
    source: 'aws.batch',
    account: '123456789012',
    time: '2026-01-11T23:36:40Z',
    region: 'us-east-1',
    resources: [jobArn],
    detail: {
      jobArn,
      jobName,
      jobId: index === undefined ? jobId : `${jobId}:${index}`,
      jobQueue,
      status,
      attempts: [],
      jobDefinition,
      parameters: {},
      container,
      tags,
      ...(child ?? parent),
    },
  };
}
