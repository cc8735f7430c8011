import './quiet.ts';
import { createServer } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { BatchQueue } from '../../src/service/batch/batch-queue.ts';
import { BatchMachines, type MachineState, type Machines } from '../../src/service/batch/machines.ts';
import type { ServiceContext } from '../../src/service/context.ts';
import { tendQueues } from '../../src/service/tend-queues.ts';
import { MemoryStore } from '../../src/stores/memory-store.ts';

const NOW = new Date('2026-01-11T12:00:00Z');
const service = {
  queues: { gpu: 'gpu-queue', cpu: 'cpu-queue' },
  onDemand: { afterMinutes: 20, environments: { gpu: 'gpu-on-demand', cpu: 'cpu-on-demand' } },
};

/** A GPU queue that has stood still for some minutes, and machines on demand in a state; nothing waits for CPUs. */
function machinesOf(minutes: number | undefined, state: MachineState | undefined) {
  const set: string[] = [];
  const machines: Machines = {
    standingSince: async (queue) =>
      queue === 'gpu-queue' && minutes !== undefined ? new Date(NOW.getTime() - minutes * 60_000) : undefined,
    stateOf: async (environment) => (environment === 'gpu-on-demand' ? state : 'DISABLED'),
    setState: async (environment, wanted) => void set.push(`${environment} ${wanted}`),
  };
  return { machines, set };
}

describe('machines on demand', () => {
  test.each<[string, number | undefined, MachineState | undefined, string[]]>([
    ['stay off while Spot may still come', 19, 'DISABLED', []],
    ['are switched on once the queue has stood still for so long', 20, 'DISABLED', ['gpu-on-demand ENABLED']],
    ['stay on while jobs wait, though some start', 1, 'ENABLED', []],
    ['are switched off once none waits', undefined, 'ENABLED', ['gpu-on-demand DISABLED']],
    ['are left alone where a deployment changes them', 30, undefined, []],
    ['are switched once', 30, 'ENABLED', []],
  ])('%s', async (_, minutes, state, expected) => {
    const { machines, set } = machinesOf(minutes, state);
    await tendQueues(service, machines, NOW);
    expect(set).toEqual(expected);
  });

  test('are left alone where the stack has them always on; waiting is measured all the same', async () => {
    const { machines, set } = machinesOf(90, 'DISABLED');
    const states = await tendQueues({ ...service, onDemand: null }, machines, NOW);
    expect(states).toMatchObject([
      { queue: 'gpu', minutes: 90 },
      { queue: 'cpu', minutes: 0 },
    ]);
    expect(set).toEqual([]);
  });
});

describe('a turn of the reconciler', () => {
  const runs = new MemoryStore();
  // A service without runs: the rest is asked for nothing.
  const ctx = { service: { ...service, stack: 'igd' }, runs, now: () => NOW } as unknown as ServiceContext;

  test('prints how long jobs have waited as lines that CloudWatch makes metrics of', async () => {
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await handleEvent(ctx, { reconcile: 'all' }, machinesOf(65, 'ENABLED').machines);
    const lines = printed.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('"_aws"'));
    printed.mockRestore();
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { Stack: 'igd', Queue: 'gpu', StandstillMinutes: 65 },
      { Stack: 'igd', Queue: 'cpu', StandstillMinutes: 0 },
    ]);
    expect(JSON.parse(lines[0] ?? '')._aws).toEqual({
      Timestamp: NOW.getTime(),
      CloudWatchMetrics: [
        { Namespace: 'igd', Dimensions: [['Stack', 'Queue'], ['Stack']], Metrics: [{ Name: 'StandstillMinutes' }] },
      ],
    });
  });

  test('fails where Batch refuses, so that an alarm goes on', async () => {
    const { machines } = machinesOf(65, 'DISABLED');
    const refusing = { ...machines, setState: () => Promise.reject(new Error('cannot set gpu-on-demand to ENABLED')) };
    await expect(handleEvent(ctx, { reconcile: 'all' }, refusing)).rejects.toThrow('cannot set gpu-on-demand');
  });
});

/** What is sent to a Batch that answers with `answer`. */
async function sentTo(answer: object, call: () => Promise<unknown>): Promise<{ sent: unknown[]; given: unknown }> {
  const sent: unknown[] = [];
  const server = createServer(async (incoming, outgoing) => {
    let body = '';
    for await (const part of incoming) body += part;
    sent.push([incoming.url, JSON.parse(body)]);
    outgoing.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('AWS_ENDPOINT_URL_BATCH', `http://127.0.0.1:${Object(server.address()).port}`);
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'test');
  vi.stubEnv('AWS_REGION', 'us-east-1');
  const given = await call().finally(() => {
    vi.unstubAllEnvs();
    server.close();
  });
  return { sent, given };
}

describe('Batch is asked', () => {
  test('since when the front of a queue has stood', async () => {
    const jobs = [
      { jobArn: 'a', earliestTimeAtPosition: 2000 },
      { jobArn: 'b', earliestTimeAtPosition: 1000 },
    ];
    const asked = await sentTo({ frontOfQueue: { jobs } }, () => new BatchMachines().standingSince('q'));
    expect(asked).toEqual({ sent: [['/v1/getjobqueuesnapshot', { jobQueue: 'q' }]], given: new Date(1000) });
    const empty = await sentTo({ frontOfQueue: { jobs: [] } }, () => new BatchMachines().standingSince('q'));
    expect(empty.given).toBeUndefined();
  });

  test('for nothing but the state of an environment that is in order', async () => {
    const environment = { computeEnvironmentName: 'e', state: 'DISABLED', status: 'VALID' };
    const stateOf = () => new BatchMachines().stateOf('e');
    expect((await sentTo({ computeEnvironments: [environment] }, stateOf)).given).toBe('DISABLED');
    const updating = { computeEnvironments: [{ ...environment, status: 'UPDATING' }] };
    expect((await sentTo(updating, stateOf)).given).toBeUndefined();
    const { sent } = await sentTo({}, () => new BatchMachines().setState('e', 'ENABLED'));
    expect(sent).toEqual([['/v1/updatecomputeenvironment', { computeEnvironment: 'e', state: 'ENABLED' }]]);
  });

  test('to count a job to a share where its queue keeps shares', async () => {
    const request = { name: 'n', queue: 'q', jobDefinition: 'd:1', environment: {}, arraySize: 1, dependsOn: [] };
    const submit = (share?: string) =>
      sentTo({ jobId: 'id' }, () => new BatchQueue().submit({ ...request, since: NOW, tags: {}, share }));
    expect((await submit('run1')).sent).toMatchObject([
      ['/v1/submitjob', { shareIdentifier: 'run1', schedulingPriorityOverride: 0 }],
    ]);
    expect(JSON.stringify((await submit()).sent)).not.toMatch(/share|priority/i);
  });
});
