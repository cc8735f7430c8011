import './quiet.ts';
import { readFile } from 'node:fs/promises';
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { decodePlan } from '../../src/runs/planning/plan.ts';
import { taskVariables } from '../../src/schemas/service.ts';
import { retryRun } from '../../src/service/run-control.ts';
import { runStatus } from '../../src/service/status.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { S3Store } from '../../src/stores/s3/store.ts';
import { type Container, inProcess } from './cluster.ts';
import { remoteConfig, type Scene, scene, textOf } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

let names = 0;

/** A bucket of its own with the demo's inputs, and what replaces one of them by another of the same size. */
async function inputsIn(versioned: boolean) {
  names += 1;
  const bucket = `igd-pinned-${names}`;
  const s3 = new S3Client({});
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const VersioningConfiguration = { Status: 'Enabled' } as const;
  if (versioned) await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
  const store = new S3Store({ bucket, prefix: '' });
  const original = (file: string) => readFile(`examples/demo/${file}`);
  for (const file of ['shapes10-rn18-w8.pt', 'test.bin', 'train.bin']) await store.put(file, await original(file));
  const replace = async (file: string) => {
    const bytes = await original(file);
    // In the middle: of weights or pixels, and of no header.
    const at = Math.floor(bytes.length / 2);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await store.put(file, bytes);
  };
  return { bucket, replace };
}

const configOn = (bucket: string, variants: readonly string[]) => {
  const uri = (file: string) => `s3://${bucket}/${file}`;
  return JSON.stringify(
    remoteConfig({
      name: `pinned.${names}`,
      checkpoint: { uri: uri('shapes10-rn18-w8.pt') },
      dataset: {
        format: 'cifar10',
        test: uri('test.bin'),
        probe: uri('train.bin'),
        testImages: 8,
        // Its own number of images in each test: rankings are shared.
        probeImages: 40 + names,
      },
      variants,
      suite: [{ attack: 'apgd-ce', iterations: 1 }],
    }),
  );
};

async function drive({ ctx, cluster }: Scene, container: Container): Promise<void> {
  for (let events = await cluster.run(container); events.length > 0; events = await cluster.run(container))
    for (const event of events) await handleEvent(ctx, event);
}

describe.runIf(hasMoto)('inputs that are replaced after the plan', () => {
  let moto: Moto;
  let stage: Scene;
  beforeAll(async () => {
    moto = await startMoto();
  }, 60_000);
  beforeEach(async () => {
    stage = await scene(moto);
  });
  afterAll(() => moto.stop());

  const submit = async (text: string) => {
    const submitted = await submitConfig(stage.ctx, 'config', text);
    if (submitted.kind === 'rejected') throw new Error(submitted.problems.join('\n'));
    return submitted.run;
  };
  const ranked = async () => (await stage.ctx.rankings.list('')).length;

  test.each([
    ['test.bin', 'test set', ['none']],
    ['shapes10-rn18-w8.pt', 'checkpoint', ['none']],
    ['train.bin', 'probe set', ['loir']],
  ])(
    '%s is bad input where the bucket keeps no versions',
    async (file, what, variants) => {
      const { bucket, replace } = await inputsIn(false);
      const before = await ranked();
      const run = await submit(configOn(bucket, variants));
      await replace(file);
      const codes: number[] = [];
      await drive(stage, async (env) => {
        const code = await inProcess(env);
        codes.push(code);
        return code;
      });
      expect(new Set(codes)).toEqual(new Set([2]));
      const { state, failures } = await runStatus(stage.ctx, run);
      expect(state).toBe('failed');
      expect(failures[0]?.message).toMatch(
        new RegExp(
          `the ${what} .* is another file than when the run was planned: its SHA-256 is \\w{64}, planned was \\w{64}\\. .*start a new run`,
        ),
      );
      expect(await ranked()).toBe(before);
    },
    120_000,
  );

  test('are read in the version of the plan where the bucket keeps versions', async () => {
    const { bucket, replace } = await inputsIn(true);
    const run = await submit(configOn(bucket, ['none']));
    const plan = decodePlan(new TextEncoder().encode(await textOf(stage.ctx, run, 'plan.json')), 'plan.json');
    expect(Object.keys(plan.versions ?? {}).sort()).toEqual(
      ['shapes10-rn18-w8.pt', 'test.bin', 'train.bin'].map((file) => `s3://${bucket}/${file}`),
    );
    for (const file of ['shapes10-rn18-w8.pt', 'test.bin', 'train.bin']) await replace(file);
    await drive(stage, inProcess);
    expect(await runStatus(stage.ctx, run)).toMatchObject({ state: 'complete', failures: [] });
  }, 120_000);

  test('a retry after the checkpoint was replaced mixes no two in one report', async () => {
    const { bucket, replace } = await inputsIn(false);
    const run = await submit(configOn(bucket, ['none']));
    await drive(stage, async (env) => (env[taskVariables.offset] === '1' ? 1 : inProcess(env)));
    expect((await runStatus(stage.ctx, run)).state).toBe('partial');
    await replace('shapes10-rn18-w8.pt');
    await retryRun(stage.ctx, run);
    await drive(stage, inProcess);
    const { state, failures } = await runStatus(stage.ctx, run);
    expect(state).toBe('partial');
    expect(failures[0]?.message).toMatch(/the checkpoint .* is another file/);
    expect(await textOf(stage.ctx, run, 'report.json')).toBeUndefined();
  }, 120_000);
});
