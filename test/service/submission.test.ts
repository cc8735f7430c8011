import './quiet.ts';

import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Service } from '../../src/contracts/service.ts';
import { BatchQueue } from '../../src/engines/batch.ts';
import { submitOnce } from '../../src/engines/submit-once.ts';
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

describe('submitOnce', () => {
  /** Nothing ever answers; `listed` is how often one has to look until the job is listed. */
  async function submitUnanswered(listed: number) {
    const [waits, sent, looks]: [number[], number[], number[]] = [[], [], []];
    const id = submitOnce({
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
