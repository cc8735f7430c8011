import './quiet.ts';
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rejectionSchema, serviceKeys } from '../../src/schemas/service.ts';
import { listRuns } from '../../src/service/run-control.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { remoteConfig, type Scene, scene, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

describe.runIf(hasMoto)('a config that cannot be run', () => {
  let moto: Moto;
  let stage: Scene;
  beforeAll(async () => {
    moto = await startMoto();
    await uploadInputs(moto);
  });
  beforeEach(async () => {
    stage = await scene(moto);
  });
  afterAll(() => moto.stop());

  /** Submits it, and checks that nothing started and that people were told. */
  async function problemsOf(text: string): Promise<readonly string[]> {
    const { ctx, cluster, notices } = stage;
    const submitted = await submitConfig(ctx, 'bad', text);
    const record = rejectionSchema.parse(
      JSON.parse(new TextDecoder().decode(await ctx.runs.get(serviceKeys.rejected('bad')))),
    );
    expect(submitted).toEqual({ kind: 'rejected', problems: record.problems });
    expect(cluster.jobs).toEqual([]);
    expect(await listRuns(ctx)).toEqual([]);
    expect(await ctx.runs.list(serviceKeys.runs)).toEqual([]);
    expect(notices.map(({ subject }) => subject)).toEqual(['igd: config bad was rejected']);
    for (const problem of record.problems) expect(notices[0]?.text).toContain(problem);
    return record.problems;
  }

  const withCheckpoint = (uri: string) => JSON.stringify(remoteConfig({ checkpoint: { uri } }));

  test('is told everything that is wrong with it', async () => {
    const { threat: _, ...rest } = remoteConfig({ importantUnit: 3, layer: 7 });
    const problems = await problemsOf(JSON.stringify(rest));
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).toMatch(/layer: .*\n.*threat: .*\n.*importantUnit.*importantUnits/);
    expect(await problemsOfFresh('{ "name": ')).toEqual([expect.stringContaining('is not JSON')]);
  });

  test('names the devices there are images for', async () => {
    const problems = await problemsOf(JSON.stringify(remoteConfig({ compute: { device: 'webgpu' } })));
    expect(problems).toEqual([expect.stringMatching(/cpu and cuda, not on webgpu: .* -c gpuDevice=webgpu$/)]);
  });

  test('names a checkpoint or a bucket that is not there', async () => {
    const problems = await problemsOf(withCheckpoint('s3://igd-inputs/demo/gone.pt'));
    expect(problems).toEqual([expect.stringMatching(/s3:\/\/igd-inputs\/demo\/gone\.pt: it is not there/)]);
    expect(await problemsOfFresh(withCheckpoint('s3://igd-nowhere/net.pt'))).toEqual([
      expect.stringContaining('s3://igd-nowhere/net.pt'),
    ]);
  });

  test('names a checkpoint it may not read, and what would allow it', async () => {
    await deny('igd-inputs', 'secret/*');
    expect(await problemsOf(withCheckpoint('s3://igd-inputs/secret/net.pt'))).toEqual([
      expect.stringMatching(/access denied.*s3:\/\/igd-inputs\/secret\/net\.pt.*policy/),
    ]);
  });

  test('names inputs that are paths, all of them', async () => {
    const { checkpoint, dataset } = {
      checkpoint: { uri: 'net.pt' },
      dataset: { format: 'cifar10', test: '/etc/passwd' },
    };
    const config = remoteConfig({ checkpoint, dataset, variants: ['none'] });
    expect(await problemsOf(JSON.stringify(config))).toEqual([
      expect.stringContaining('checkpoint.uri: "net.pt"'),
      expect.stringContaining('dataset.test: "/etc/passwd"'),
    ]);
  });

  test('names a checkpoint that is none', async () => {
    expect(await problemsOf(withCheckpoint('s3://igd-inputs/demo/test.bin'))).toHaveLength(1);
  });

  async function problemsOfFresh(text: string): Promise<readonly string[]> {
    stage = await scene(moto);
    return problemsOf(text);
  }
});

async function deny(bucket: string, keys: string): Promise<void> {
  const statement = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: `arn:aws:s3:::${bucket}/${keys}` };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await new S3Client({}).send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
}
