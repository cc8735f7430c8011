import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BatchClient,
  CreateComputeEnvironmentCommand,
  CreateJobQueueCommand,
  RegisterJobDefinitionCommand,
} from '@aws-sdk/client-batch';
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseParameterSweep } from '../../src/schemas/parameter-sweep.ts';
import { remoteKeys, type Service, serviceKeys } from '../../src/schemas/service.ts';
import { openServiceContext } from '../../src/service/context.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { type Finished, igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { hasRequirement } from '../support/require.ts';

const hasMoto = hasRequirement('moto');

const SERVICE: Service = {
  stack: 'igd-test',
  region: 'us-east-1',
  buckets: { inputs: 'igd-inputs', rankings: 'igd-rankings', runs: 'igd-runs' },
  queues: { gpu: 'gpu', cpu: 'cpu' },
  jobDefinitions: { gpu: 'gpu', cpu: 'cpu' },
  gpuDevice: 'cuda',
  retentionDays: 0,
  hourDollars: { gpu: 1.01, cpu: 0.2 },
  maxDollars: null,
  fairShare: false,
  onDemand: null,
  topicArn: 'arn:aws:sns:us-east-1:123456789012:runs',
};
const AWS = {
  AWS_ACCESS_KEY_ID: 'testing',
  AWS_SECRET_ACCESS_KEY: 'testing',
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

let moto: ChildProcess | undefined;
let client: S3Client;
let folder: ReturnType<typeof scratch>;

/** A port nobody listens on. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function startMoto(): Promise<string> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  moto = spawn('moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await fetch(`${url}/moto-api/`).then(
      () => true,
      () => false,
    );
    if (isUp) return url;
    await delay(100);
  }
  throw new Error('moto_server did not start');
}

async function createStack(name: string, template: object): Promise<void> {
  const cloudFormation = new CloudFormationClient({});
  await cloudFormation.send(new CreateStackCommand({ StackName: name, TemplateBody: JSON.stringify(template) }));
  cloudFormation.destroy();
}

const ROLE = {
  Type: 'AWS::IAM::Role',
  Properties: { RoleName: 'batch', AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } },
};

/** Queue, job definition and topic of the service; jobs end at once and do nothing. */
async function createBatch(): Promise<void> {
  const batchConfig = JSON.stringify({ batch: { use_docker: false } });
  await fetch(`${process.env.AWS_ENDPOINT_URL}/moto-api/config`, { method: 'POST', body: batchConfig });
  const Topic = { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'runs' } };
  await createStack('rest', { Resources: { Role: ROLE, Topic } });
  const batch = new BatchClient({});
  const { computeEnvironmentArn: computeEnvironment } = await batch.send(
    new CreateComputeEnvironmentCommand({
      computeEnvironmentName: 'machines',
      type: 'UNMANAGED',
      state: 'ENABLED',
      serviceRole: 'arn:aws:iam::123456789012:role/batch',
    }),
  );
  const computeEnvironmentOrder = [{ order: 1, computeEnvironment }];
  const queue = { jobQueueName: 'cpu', state: 'ENABLED', priority: 1, computeEnvironmentOrder } as const;
  await batch.send(new CreateJobQueueCommand(queue));
  const containerProperties = { image: 'runner', vcpus: 1, memory: 128 };
  await batch.send(
    new RegisterJobDefinitionCommand({ jobDefinitionName: 'cpu', type: 'container', containerProperties }),
  );
  batch.destroy();
}

const put = (key: string, body: string, bucket = SERVICE.buckets.runs) =>
  client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
const get = async (key: string, bucket = SERVICE.buckets.runs) =>
  (await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))).Body?.transformToString();
const keys = async (bucket: string) =>
  ((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(({ Key }) => Key);
const onService = (...args: string[]): Promise<Finished> => igd([...args, '--service', JSON.stringify(SERVICE)]);

/** One line, exit code as given, no stack. */
function expectRefusal({ code, stderr }: Finished, expectedCode: 1 | 2, message: RegExp): void {
  expect(stderr).toMatch(/^igd: [^\n]+\n$/);
  expect(stderr).toMatch(message);
  expect(code).toBe(expectedCode);
}

describe.skipIf(!hasMoto)('igd on AWS', () => {
  beforeAll(async () => {
    Object.assign(process.env, AWS, { AWS_ENDPOINT_URL: await startMoto() });
    delete process.env.IGD_SERVICE;
    client = new S3Client({});
  });
  afterAll(() => {
    client.destroy();
    moto?.kill();
  });
  beforeEach(async () => {
    await fetch(`${process.env.AWS_ENDPOINT_URL}/moto-api/reset`, { method: 'POST' });
    for (const bucket of Object.values(SERVICE.buckets)) await client.send(new CreateBucketCommand({ Bucket: bucket }));
    folder = scratch();
  });
  afterEach(() => folder.remove());

  describe('the service', () => {
    test('is read from the output of a stack', async () => {
      const template = {
        Resources: { Topic: { Type: 'AWS::SNS::Topic' } },
        Outputs: { Service: { Value: JSON.stringify(SERVICE) } },
      };
      await createStack('igd-test', template);
      await createStack('other', { Resources: template.Resources });
      await put(`${serviceKeys.run('demo')}report.html`, '<html>');
      const to = ['--to', folder.path('demo')];
      expect((await igd(['download', 'demo', ...to, '--stack', 'igd-test'])).code).toBe(0);
      expectRefusal(await igd(['download', 'demo', ...to, '--stack', 'nowhere']), 2, /no stack "nowhere" in us-east-1/);
      expectRefusal(await igd(['download', 'demo', ...to, '--stack', 'other']), 2, /has no output "Service"/);
    });

    test('has to be named, and to be one', async () => {
      const download = ['download', 'demo', '--to', folder.path('demo')];
      expectRefusal(await igd(download), 2, /--stack NAME/);
      expectRefusal(await igd([...download, '--service', folder.path('none.json')]), 2, /cannot read/);
      expectRefusal(await igd([...download, '--service', '{"stack": "a"}']), 2, /describes no service/);
      expectRefusal(await igd([...download, '--service', '{']), 2, /is not JSON/);
    });

    test('is out of reach without a network or a bucket', async () => {
      const nowhere = { ...SERVICE, buckets: { ...SERVICE.buckets, runs: 'igd-gone' } };
      const download = ['download', 'demo', '--to', folder.path('demo')];
      expectRefusal(await igd([...download, '--service', JSON.stringify(nowhere)]), 1, /igd-gone.*no such bucket/);
    });

    test('is out of reach without credentials', async () => {
      const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, HOME } = process.env;
      delete process.env.AWS_ACCESS_KEY_ID;
      delete process.env.AWS_SECRET_ACCESS_KEY;
      process.env.HOME = folder.path('home');
      const [onBucket, onStack] = await Promise.all([
        onService('download', 'demo', '--to', folder.path('demo')),
        igd(['download', 'demo', '--to', folder.path('demo'), '--stack', 'igd-test']),
      ]);
      Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, HOME });
      expectRefusal(onBucket, 1, /igd-runs.*credentials/);
      expectRefusal(onStack, 1, /cannot look up stack igd-test: .*credentials/);
    });
  });

  describe('igd submit', () => {
    const config = () => writeJson(folder.path('config.json'), smallConfig());
    const submit = (...more: string[]) => onService('submit', config(), '--wait', '0', ...more);

    test('sends a parameter sweep as one config, and each file once', async () => {
      const sweep = smallConfig({ sweep: { importantUnits: [6, 24] } });
      const { stderr, stdout, code } = await onService(
        'submit',
        writeJson(folder.path('sweep.json'), sweep),
        '--wait',
        '0',
      );
      expect([stderr, code]).toEqual(['', 0]);
      expect(stdout.match(/uploaded to/g)).toHaveLength(3);
      const configs = (await keys(SERVICE.buckets.runs)).filter((key) => key?.startsWith('configs/'));
      expect(configs).toEqual([serviceKeys.config('small')]);
      const again = await onService('submit', folder.path('sweep.json'), '--wait', '0', '--json');
      expect(JSON.parse(again.stdout)).toEqual({ config: 'small', run: null, started: null });
      const { checkpoint, dataset, ...sent } = JSON.parse((await get('configs/small.json')) ?? '');
      expect({ ...sweep, ...sent }).toEqual(sweep);
      expect([checkpoint.uri, dataset.test].every((uri) => uri.startsWith('s3://'))).toBe(true);
    });

    test('uploads every data set of a sweep over them', async () => {
      const names = ['test.bin', 'train.bin'];
      const sweep = { 'dataset.test': names.map((name) => `examples/demo/${name}`) };
      const path = writeJson(folder.path('sweep.json'), smallConfig({ name: 'data', sweep }));
      expect((await onService('submit', path, '--wait', '0')).stderr).toBe('');
      const sent = JSON.parse((await get('configs/data.json')) ?? '');
      expect(sent.sweep['dataset.test'].map((uri: string) => uri.split('/').at(-1))).toEqual(names);
      // As the planner reads it.
      expect(parseParameterSweep(JSON.stringify(sent), 'data')?.runs.map(({ label }) => label)).toEqual(
        names.map((name) => `dataset.test=${name}`),
      );
    });

    test('uploads files by checksum, once, and the config with their URIs', async () => {
      const first = await submit();
      expect(first.stderr).toBe('');
      expect(first.code).toBe(0);
      expect(first.stdout.match(/uploaded to/g)).toHaveLength(3);
      const inputs = await keys(SERVICE.buckets.inputs);
      expect(inputs).toHaveLength(3);
      for (const key of inputs)
        expect(key).toMatch(/^inputs\/[0-9a-f]{64}\/(shapes10-rn18-w8\.pt|test\.bin|train\.bin)$/);
      const stored = JSON.parse((await get('configs/small.json')) ?? '');
      const uris = [stored.checkpoint.uri, stored.dataset.test, stored.dataset.probe];
      expect(uris.toSorted()).toEqual(inputs.map((key) => `s3://${SERVICE.buckets.inputs}/${key}`).toSorted());
      expect(stored).toEqual({
        ...smallConfig(),
        checkpoint: { uri: uris[0] },
        dataset: { format: 'cifar10', test: uris[1], probe: uris[2], testImages: 12, probeImages: 200 },
      });

      const again = await submit();
      expect(again.code).toBe(0);
      expect(again.stdout.match(/is there already/g)).toHaveLength(3);
      expect(again.stdout).not.toContain('uploaded');
    });

    test('waits for the answer of the service', async () => {
      const answer = async (kind: 'accepted' | 'rejected', record: object) => {
        const named = writeJson(folder.path('config.json'), smallConfig({ name: kind }));
        const submitting = onService('submit', named, '--wait', '60');
        let text: string | undefined;
        while (text === undefined) text = await get(serviceKeys.config(kind)).catch(() => undefined);
        const sha256 = createHash('sha256').update(text).digest('hex');
        const at = new Date().toISOString();
        await put(serviceKeys[kind](kind), JSON.stringify({ schema: `igd.${kind}/1`, sha256, at, ...record }));
        return submitting;
      };
      const rejected = await answer('rejected', { problems: ['dataset.test: is empty', 'layer: there is none'] });
      expect(rejected.code).toBe(2);
      expect(rejected.stderr).toBe(
        'igd: the service rejected rejected:\n  dataset.test: is empty\n  layer: there is none\n',
      );
      const accepted = await answer('accepted', { run: 'small-0123456789abcdef', started: true });
      expect(accepted.code).toBe(0);
      expect(accepted.stdout).toContain('run small-0123456789abcdef is started');
    });

    test('uploads nothing where a config or a file is bad', async () => {
      const bad = (changes: Record<string, unknown>) =>
        onService('submit', writeJson(folder.path('bad.json'), smallConfig(changes)));
      expectRefusal(await bad({ seeds: 1 }), 2, /nearest known name is "seed"/);
      const { dataset } = smallConfig();
      expectRefusal(await bad({ dataset: { ...Object(dataset), probe: 'gone.bin' } }), 2, /cannot read gone.bin/);
      expectRefusal(await bad({ dataset: { ...Object(dataset), probe: 'examples/demo' } }), 2, /is a folder/);
      const other = { uri: 'examples/demo/shapes10-rn18-w8.pt', sha256: '0'.repeat(64) };
      expectRefusal(await bad({ checkpoint: other }), 2, /the config expects 0{64}/);
      expect(await keys(SERVICE.buckets.inputs)).toEqual([]);
      expect(await keys(SERVICE.buckets.runs)).toEqual([]);
    });

    test('does not print what a hostile name would do to a terminal', async () => {
      const uri = '\u001b[2J\u202eevil.pt';
      const { code, stderr } = await onService(
        'submit',
        writeJson(folder.path('c.json'), smallConfig({ checkpoint: { uri } })),
      );
      expect(code).toBe(2);
      expect(stderr).toContain('[2Jevil.pt');
      for (const character of ['\u001b', '\u202e']) expect(stderr).not.toContain(character);
    });
  });

  describe('a run', () => {
    let run: string;

    /** What the planner function does with an uploaded config. */
    beforeEach(async () => {
      await createBatch();
      expect((await onService('submit', writeJson(folder.path('c.json'), smallConfig()), '--wait', '0')).code).toBe(0);
      const submitted = await submitConfig(
        openServiceContext(SERVICE),
        'small',
        (await get(serviceKeys.config('small'))) ?? '',
      );
      run = submitted.kind === 'started' ? submitted.run : '';
      expect(run).toMatch(/^small-[0-9a-f]{16}$/);
    });

    test('is shown with what it does, by its name or that of its config', async () => {
      const at = new Date().toISOString();
      const progress = { task: 0, jobs: 1, done: 0, job: 'loir ranking', fraction: 0.415, attack: null, robust: null };
      const startedAt = new Date(Date.now() - 7_200_000).toISOString();
      await put(
        serviceKeys.run(run) + remoteKeys.progress(1, 'rank', 0),
        JSON.stringify({ schema: 'igd.progress/1', ...progress, images: null, startedAt, at }),
      );
      const { stdout, stderr, code } = await onService('status', 'small', '--price', '1.5');
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toContain(`run ${run}: `);
      expect(stdout).toMatch(/^ {2}rank +0\/1 done/m);
      expect(stdout).toMatch(/^ {2}evaluate +0\/12 done$/m);
      expect(stdout).toContain('loir ranking: 41%');
      expect(stdout).toContain('2.00 machine-hours of this attempt: about $3.00');
      const { stdout: listed } = await onService('list');
      expect(listed).toMatch(new RegExp(`^run .*\\n${run} +running +1 `));
    });

    test('is cancelled once, retried once, and says so', async () => {
      expectRefusal(await onService('retry', run), 2, /is still going/);
      const cancelled = await onService('cancel', run);
      expect(cancelled.stderr).toBe('');
      expect(cancelled.stdout).toContain(`run ${run} is cancelled`);
      expectRefusal(await onService('cancel', run), 2, /has ended already/);
      const watched = await onService('status', run, '--watch');
      expectRefusal(watched, 1, /ended cancelled/);
      expect(watched.stdout).toContain(`run ${run}: cancelled`);
      const retried = await onService('retry', 'small', '--json');
      expect(retried.stderr).toBe('');
      expect(JSON.parse(retried.stdout)).toEqual({ run, attempt: 2 });
      expect((await onService('list')).stdout).toMatch(new RegExp(`^${run} +running +2 `, 'm'));
    });

    test('is answered for when its config is submitted again', async () => {
      const { stdout, code } = await onService('submit', folder.path('c.json'), '--wait', '0');
      expect(code).toBe(0);
      expect(stdout).toContain(`igd status ${run} --watch`);
      const again = await onService('submit', folder.path('c.json'), '--wait', '0', '--json');
      expect(JSON.parse(again.stdout)).toEqual({ config: 'small', run, started: false });
      const cancelled = await onService('cancel', run, '--json');
      expect(JSON.parse(cancelled.stdout)).toEqual({ run, jobs: expect.any(Number) });
    });

    test('is refused where there is none, with the reason where its config was rejected', async () => {
      for (const command of ['status', 'cancel', 'retry'])
        expectRefusal(await onService(command, 'gone'), 2, /there is no run "gone"/);
      const text = JSON.stringify(smallConfig({ name: 'bad' }));
      expect((await submitConfig(openServiceContext(SERVICE), 'bad', text)).kind).toBe('rejected');
      const { code, stderr } = await onService('status', 'bad');
      expect(code).toBe(2);
      expect(stderr).toContain('the service rejected bad:\n  checkpoint.uri: "examples/demo/');
    });
  });

  describe('igd download', () => {
    const run = serviceKeys.run('small');
    const download = (...more: string[]) => onService('download', 'small', '--to', folder.path('to'), ...more);
    const read = (name: string) => readFileSync(folder.path(`to/${name}`), 'utf8');

    beforeEach(async () => {
      const names = ['report.html', 'report.json', 'images.csv', 'classes.csv', 'plan.json', 'ranking.loir.json'];
      for (const name of names) await put(run + name, `content of ${name}`);
      await put(`${run}shards/conf@0.8/00000.npy`, 'examples');
      await put(`${run}shards/conf@0.8/00000.json`, 'outcomes');
      await put(`${run}attempts/001/rank.json`, '{}');
      await put(`${run}../../evil.html`, 'evil');
    });

    test('brings the report, and again only what has changed', async () => {
      const first = await download();
      expect(first.stderr).toBe('');
      expect(first.stdout).toContain('6 of 6 files downloaded');
      expect(read('ranking.loir.json')).toBe('content of ranking.loir.json');
      expect(read('classes.csv')).toBe('content of classes.csv');
      expect(existsSync(folder.path('to/attempts'))).toBe(false);
      expect((await download()).stdout).toContain('0 of 6 files downloaded, 6 were there already');

      await put(`${run}report.html`, 'another of report');
      writeFileSync(folder.path('to/images.csv'), 'cut');
      expect((await download()).stdout).toContain('2 of 6 files downloaded');
      expect([read('report.html'), read('images.csv')]).toEqual(['another of report', 'content of images.csv']);
    });

    test('brings adversarial examples where asked to', async () => {
      expect((await download('--examples')).stdout).toContain('8 of 8 files');
      expect(read('shards/conf@0.8/00000.npy')).toBe('examples');
    });

    test('knows the content of a file, whoever put it there', async () => {
      mkdirSync(folder.path('to'));
      writeFileSync(folder.path('to/report.html'), 'content of report.html');
      expect((await download()).stdout).toContain('5 of 6 files downloaded, 1 were there already');
    });

    test('brings the last partial report of a run that misses something', async () => {
      for (const attempt of ['001', '002']) await put(`runs/part/partial/${attempt}/report.html`, attempt);
      const { stdout } = await onService('download', 'part', '--to', folder.path('to'));
      expect(stdout).toContain('1 of 1 files');
      expect(read('partial/002/report.html')).toBe('002');
    });

    test('refuses a run that is not there', async () => {
      expectRefusal(await onService('download', 'gone', '--to', folder.path('to')), 2, /nothing of a run "gone"/);
    });
  });
});
