import { type ChildProcess, spawn } from 'node:child_process';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BatchClient,
  CreateComputeEnvironmentCommand,
  CreateJobQueueCommand,
  RegisterJobDefinitionCommand,
} from '@aws-sdk/client-batch';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import type { Service } from '../../src/schemas/service.ts';
import { hasRequirement } from '../support/require.ts';
import { type FaultyProxy, startProxy } from './proxy.ts';

/** Whether the emulator is on this machine. */
export const hasMoto = hasRequirement('moto');

/** An AWS of its own for one test file: real HTTP, real SDK, no account. */
export interface Moto {
  readonly service: Service;
  /** What has been published to the topic, oldest first. */
  readonly notices: { subject: string; text: string }[];
  /** Makes a request go wrong on its way. */
  readonly fail: FaultyProxy['fail'];
  stop(): Promise<void>;
}

const REGION = 'us-east-1';

export async function startMoto(): Promise<Moto> {
  const port = await freePort();
  const server = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const behind = `http://127.0.0.1:${port}`;
  const proxy = await startProxy(behind);
  const endpoint = proxy.url;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  await answering(behind, server);
  await post(`${endpoint}/moto-api/config`, JSON.stringify({ batch: { use_docker: false } }));
  const inbox = await startInbox();
  const service = await createService(endpoint, inbox.url);
  process.env.IGD_SERVICE = JSON.stringify(service);
  return {
    service,
    notices: inbox.notices,
    fail: proxy.fail,
    async stop() {
      server.kill();
      await proxy.stop();
      await inbox.stop();
    },
  };
}

/** The parts of a stack that code sees; compute environments run nothing here. */
async function createService(endpoint: string, inbox: string): Promise<Service> {
  const buckets = { inputs: 'igd-inputs', rankings: 'igd-rankings', runs: 'igd-runs' };
  const s3 = new S3Client({});
  for (const Bucket of Object.values(buckets)) await s3.send(new CreateBucketCommand({ Bucket }));
  const batch = new BatchClient({});
  await batch.send(
    new CreateComputeEnvironmentCommand({
      computeEnvironmentName: 'igd-test',
      type: 'UNMANAGED',
      serviceRole: await createRole(endpoint),
    }),
  );
  for (const kind of ['gpu', 'cpu']) {
    await createQueue(batch, `igd-${kind}`);
    const containerProperties = { image: 'runner', vcpus: 4, memory: 8192 };
    await batch.send(
      new RegisterJobDefinitionCommand({ jobDefinitionName: `igd-${kind}`, type: 'container', containerProperties }),
    );
  }
  const sns = new SNSClient({});
  const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'igd' }));
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'http', Endpoint: inbox }));
  const names = { gpu: 'igd-gpu', cpu: 'igd-cpu' };
  return {
    stack: 'igd',
    region: REGION,
    buckets,
    queues: names,
    jobDefinitions: names,
    gpuDevice: 'cuda',
    retentionDays: 0,
    hourDollars: { gpu: 1.01, cpu: 0.2 },
    maxDollars: null,
    fairShare: false,
    onDemand: null,
    topicArn: TopicArn,
  };
}

async function createQueue(batch: BatchClient, jobQueueName: string): Promise<void> {
  const computeEnvironmentOrder = [{ order: 1, computeEnvironment: 'igd-test' }];
  await batch.send(new CreateJobQueueCommand({ jobQueueName, priority: 1, state: 'ENABLED', computeEnvironmentOrder }));
}

let copies = 0;

/** The service with a runs bucket and queues of its own, so that no run of another test is among its runs. */
export async function ownService({ service }: Pick<Moto, 'service'>): Promise<Service> {
  copies += 1;
  const runs = `${service.buckets.runs}-${copies}`;
  const queues = { gpu: `igd-gpu-${copies}`, cpu: `igd-cpu-${copies}` };
  const s3 = new S3Client({});
  await s3.send(new CreateBucketCommand({ Bucket: runs }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  await s3.send(new PutBucketVersioningCommand({ Bucket: runs, VersioningConfiguration }));
  const batch = new BatchClient({});
  for (const name of Object.values(queues)) await createQueue(batch, name);
  return { ...service, buckets: { ...service.buckets, runs }, queues };
}

/** Batch wants a role that exists. IAM's client is not among the packages: this is its one request. */
async function createRole(endpoint: string): Promise<string> {
  const query = { Action: 'CreateRole', Version: '2010-05-08', RoleName: 'igd', AssumeRolePolicyDocument: '{}' };
  const text = await post(endpoint, new URLSearchParams(query).toString(), {
    Authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${REGION}/iam/aws4_request, SignedHeaders=host, Signature=0`,
    'Content-Type': 'application/x-www-form-urlencoded',
  });
  return /<Arn>(.*)<\/Arn>/.exec(text)?.[1] ?? '';
}

/** Where the topic's messages go: moto posts them as SNS does. */
async function startInbox(): Promise<{ url: string; notices: Moto['notices']; stop(): Promise<void> }> {
  const notices: Moto['notices'] = [];
  const server = createHttpServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { Type, Subject, Message }: Record<string, string> = JSON.parse(body);
      if (Type === 'Notification') notices.push({ subject: Subject ?? '', text: Message ?? '' });
      response.end();
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url: `http://127.0.0.1:${port}/`, notices, stop };
}

async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`);
  return text;
}

async function answering(endpoint: string, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300 && server.exitCode === null; tries += 1) {
    const isUp = await fetch(`${endpoint}/moto-api/`).then(
      () => true,
      () => false,
    );
    if (isUp) return;
    await delay(100);
  }
  throw new Error('moto_server did not start');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
