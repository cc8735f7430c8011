import './quiet.ts';
import { createServer, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Service } from '../../src/schemas/service.ts';
import { BatchQueue, submitIdempotently } from '../../src/service/batch/batch-queue.ts';
import { Cluster } from './cluster.ts';
import { hasMoto, type Moto, ownService, startMoto } from './moto.ts';
import type { Fault } from './proxy.ts';

const isSubmission = ({ url }: IncomingMessage) => url === '/v1/submitjob';
const throttled: Fault = { instead: 429, type: 'TooManyRequestsException' };

describe.runIf(hasMoto)('a job is made once', () => {
  let moto: Moto;
  let service: Service;
  beforeAll(async () => {
    moto = await startMoto();
  });
  beforeEach(async () => {
    service = await ownService(moto);
  });
  afterAll(() => moto.stop());

  const request = (name: string) => ({
    name,
    queue: service.queues.cpu,
    jobDefinition: service.jobDefinitions.cpu,
    environment: { IGD_RUN: 'a' },
    arraySize: 3,
    dependsOn: [],
    since: new Date(),
    tags: { 'igd:run': 'a' },
  });
  /** Ids of the queue's jobs. */
  const made = async () => {
    const cluster = new Cluster(service);
    await cluster.adopt(service.queues.cpu);
    return cluster.jobs.map(({ id }) => id);
  };

  test.each<[string, Fault[]]>([
    ['all goes well', []],
    ['the answer is lost', ['lost answer']],
    ['Batch fails after it has made the job', [{ afterwards: 500 }]],
    ['Batch fails before', [{ instead: 503 }]],
    ['there are too many requests', [throttled, throttled]],
    ['one goes wrong after the other', [throttled, { instead: 500 }, throttled, 'lost answer']],
  ])('where %s', async (_, faults) => {
    for (const fault of faults) moto.fail(fault, isSubmission);
    const id = await new BatchQueue().submit(request('igd-once'));
    expect(await made()).toEqual([id]);
  });

  test('and none where Batch refuses, which is said at once', async () => {
    const refused = new BatchQueue().submit({ ...request('igd-refused'), jobDefinition: 'nobody-knows-it' });
    await expect(refused).rejects.toThrow(/cannot submit job igd-refused to igd-cpu-\d+: .*nobody-knows-it/);
    expect(await made()).toEqual([]);
  });

  test('however old the job of the same name is that a deleted run left behind', async () => {
    const queue = new BatchQueue();
    const left = await queue.submit(request('igd-again'));
    const later = new Date(Date.now() + 3600_000);
    expect(await queue.find(service.queues.cpu, 'igd-again', new Date())).toBe(left);
    expect(await queue.find(service.queues.cpu, 'igd-again', later)).toBeUndefined();
    expect(await queue.find(service.queues.cpu, 'igd-agai', new Date(0))).toBeUndefined();
  });
});

test('why jobs of an array wait is asked of the array’s jobs, and each reason said once', async () => {
  const asked: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    for await (const part of incoming) asked.push(`${incoming.url} ${part}`);
    const job = { jobId: 'a:1', jobName: 'igd-a', statusReason: 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT' };
    outgoing.end(
      JSON.stringify({ jobSummaryList: [job, { ...job, jobId: 'a:2' }, { jobId: 'a:3', jobName: 'igd-a' }] }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = Object(server.address()).port;
  const env = { AWS_ENDPOINT_URL_BATCH: `http://127.0.0.1:${port}`, AWS_REGION: 'us-east-1' };
  Object.assign(process.env, { ...env, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const reasons = await new BatchQueue().pendingReasons('a').finally(() => delete process.env.AWS_ENDPOINT_URL_BATCH);
  server.close();
  expect(reasons).toEqual(['MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT']);
  expect(asked).toEqual(['/v1/listjobs {"arrayJobId":"a","jobStatus":"RUNNABLE","maxResults":20}']);
});

describe('submitOnce', () => {
  /** Nothing ever answers; `listed` is how often one has to look until the job is listed. */
  async function submitUnanswered(listed: number) {
    const [waits, sent, looks]: [number[], number[], number[]] = [[], [], []];
    const id = submitIdempotently({
      send: () => Promise.reject(new Error(`no answer to ${sent.push(1)}`)),
      find: async () => (looks.push(1) >= listed ? 'the-job' : undefined),
      wait: async (milliseconds) => void waits.push(milliseconds),
    });
    return { id: await id.catch((error: Error) => error.message), sent: sent.length, looks: looks.length, waits };
  }

  test('looks again for a job that is not listed at once, and asks again only after that', async () => {
    expect(await submitUnanswered(3)).toEqual({ id: 'the-job', sent: 1, looks: 3, waits: [1000, 2000, 4000] });
    expect(await submitUnanswered(4)).toMatchObject({ id: 'the-job', sent: 2, looks: 4 });
  });

  test('gives up, with the last reason, and has waited longer and longer', async () => {
    const { id, sent, looks, waits } = await submitUnanswered(Number.POSITIVE_INFINITY);
    expect({ id, sent, looks }).toEqual({ id: 'no answer to 8 (tried 8 times)', sent: 8, looks: 24 });
    const between = waits.filter((_, index) => index % 4 === 3);
    expect(between).toHaveLength(7);
    for (const [index, wait] of between.entries()) {
      expect(wait).toBeGreaterThanOrEqual(100 * 2 ** index);
      expect(wait).toBeLessThanOrEqual(200 * 2 ** index);
    }
  });
});
