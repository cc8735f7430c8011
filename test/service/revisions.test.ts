import './quiet.ts';
import { BatchClient, DescribeJobsCommand, RegisterJobDefinitionCommand } from '@aws-sdk/client-batch';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runKeys } from '../../src/schemas/keys.ts';
import { serviceKeys } from '../../src/schemas/service.ts';
import type { ServiceContext } from '../../src/service/context.ts';
import { reconcileRun } from '../../src/service/reconcile.ts';
import { cancelRun, retryRun } from '../../src/service/run-control.ts';
import { claimOf } from '../../src/service/run-index.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import { remoteConfig, type Scene, scene, textOf, uploadInputs } from './harness.ts';
import { hasMoto, type Moto, startMoto } from './moto.ts';

let moto: Moto | undefined;
let names = 0;

beforeAll(async () => {
  if (!hasMoto) return;
  moto = await startMoto();
  await uploadInputs(moto);
});
afterAll(() => moto?.stop());

/** What a deployment does: another revision. */
async function deploy(): Promise<number> {
  const containerProperties = { image: `runner:${names}`, vcpus: 4, memory: 8192 };
  const { revision = 0 } = await new BatchClient({}).send(
    new RegisterJobDefinitionCommand({ jobDefinitionName: 'igd-cpu', type: 'container', containerProperties }),
  );
  return revision;
}

async function submit(ctx: ServiceContext): Promise<string> {
  const config = remoteConfig({ name: `revision.${++names}`, compute: { device: 'cpu', imagesPerShard: 4 } });
  const submitted = await submitConfig(ctx, 'config', JSON.stringify(config));
  if (submitted.kind !== 'started') throw new Error(JSON.stringify(submitted));
  return submitted.run;
}

/** Revisions of the jobs submitted after the first `before`. */
async function revisions({ cluster }: Scene, before = 0): Promise<number[]> {
  const ids = cluster.jobs.slice(before).map(({ id }) => id);
  const { jobs = [] } = await new BatchClient({}).send(new DescribeJobsCommand({ jobs: ids }));
  return [...new Set(jobs.map(({ jobDefinition = '' }) => Number(jobDefinition.split(':').at(-1))))];
}

test.runIf(hasMoto)(
  'jobs of an attempt are of the revision it began with, whatever is deployed meanwhile',
  async () => {
    if (moto === undefined) return;
    const stage = await scene(moto);
    const began = await deploy();
    const dies = vi.spyOn(stage.cluster, 'submit').mockRejectedValueOnce(new Error('died'));
    await expect(submit(stage.ctx)).rejects.toThrow('died');
    dies.mockRestore();
    await deploy();
    const run = (await stage.ctx.runs.list(serviceKeys.index))[0]?.split('/')[2] ?? '';
    const later = { ...stage.ctx, now: () => new Date(Date.now() + 20 * 60_000) };
    await reconcileRun(later, run);
    expect(await claimOf(stage.ctx, run, 1)).toMatchObject({ jobDefinition: `igd-cpu:${began}` });
    expect(await revisions(stage)).toEqual([began]);
  },
);

test.runIf(hasMoto)('a retry takes the newest, but where its numerics are not those of the plan', async () => {
  if (moto === undefined) return;
  const stage = await scene(moto);
  const began = await deploy();
  const run = await submit(stage.ctx);
  await cancelRun(stage.ctx, run);
  const mended = await deploy();
  const first = stage.cluster.jobs.length;
  await retryRun(stage.ctx, run);
  expect(await revisions(stage, first)).toEqual([mended]);
  expect(began).toBeLessThan(mended);

  await cancelRun(stage.ctx, run);
  await deploy();
  const plan = JSON.parse((await textOf(stage.ctx, run, runKeys.plan)) ?? '{}');
  await stage.ctx.runs.put(`${serviceKeys.run(run)}${runKeys.plan}`, JSON.stringify({ ...plan, numerics: 99 }));
  const second = stage.cluster.jobs.length;
  await retryRun(stage.ctx, run);
  expect(await revisions(stage, second)).toEqual([mended]);
});

test.runIf(hasMoto)('where Batch has no revision, nothing starts, and why is said', async () => {
  if (moto === undefined) return;
  const stage = await scene(moto);
  const unknown = { ...stage.ctx.service, jobDefinitions: { gpu: 'nobody', cpu: 'nobody' } };
  await expect(submit({ ...stage.ctx, service: unknown })).rejects.toThrow(
    'Batch has no job definition nobody: deploy the stack again',
  );
});

test.runIf(hasMoto)(
  'jobs say whose share they take where the queues keep shares: a run’s, in letters and digits',
  async () => {
    if (moto === undefined) return;
    const stage = await scene(moto);
    const shares = async (ctx: ServiceContext) => {
      const submitted = vi.spyOn(stage.cluster, 'submit');
      await submit(ctx);
      const given = submitted.mock.calls.map(([{ share }]) => share);
      submitted.mockRestore();
      return [...new Set(given)];
    };
    const fair = { ...stage.ctx, service: { ...stage.ctx.service, fairShare: true } };
    const [first, second] = [await shares(fair), await shares(fair)];
    expect(first).toEqual([expect.stringMatching(/^[A-Za-z0-9]{20,255}$/)]);
    expect(second).toHaveLength(1);
    expect(second).not.toEqual(first);
    expect(await shares(stage.ctx)).toEqual([undefined]);
  },
);
