import '../service/quiet.ts';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handleEvent } from '../../functions/finalizer/handler.ts';
import { taskExitCodes } from '../../src/schemas/service.ts';
import { runStatus } from '../../src/service/status.ts';
import { submitConfig } from '../../src/service/submit-config.ts';
import type { Container } from '../service/cluster.ts';
import { remoteConfig, scene, textOf, timeless, uploadInputs } from '../service/harness.ts';
import { hasMoto, type Moto, startMoto } from '../service/moto.ts';
import { igd, scratch, writeJson } from '../support/cli.ts';
import { hasRequirement } from '../support/require.ts';
import { buildImage, type Image } from './image.ts';

const canBuild = hasRequirement('container') && hasRequirement('npm');

describe.runIf(canBuild && hasMoto)('the image that Fargate runs', () => {
  const folder = scratch();
  let image: Image;
  let moto: Moto;
  beforeAll(async () => {
    image = buildImage('cpu');
    moto = await startMoto();
    await uploadInputs(moto);
  }, 900_000);
  afterAll(async () => {
    await moto?.stop();
    image?.remove();
    folder.remove();
  });

  const megabytes = (path: string) =>
    Number(
      execFileSync('du', ['-sm', join(image.root, path)])
        .toString()
        .split('\t')[0],
    );

  test('holds what the runner needs, and no library of another platform', () => {
    const found = execFileSync('find', [
      join(image.root, 'app'),
      '-name',
      'libonnxruntime*',
      '-o',
      '-name',
      'onnxruntime*.dll',
    ]);
    expect(found.toString().trim().split('\n')).toEqual([expect.stringMatching(/linux\/x64\/libonnxruntime\.so\.1$/)]);
    const sizes = { packages: megabytes('app/node_modules'), code: megabytes('app/dist'), image: megabytes('.') };
    console.info(`MB: ${JSON.stringify(sizes)}`);
    expect(sizes.packages).toBeLessThan(200);
  });

  test('runs as user 1000, who can write to /scratch and nowhere else', async () => {
    expect(image.user).toBe('1000:1000');
    const { output } = await image.run({}, [
      'sh',
      '-c',
      'id -u; id -g; touch /scratch/a && echo scratch; touch /app/a',
    ]);
    expect(output).toMatch(/^1000\n1000\nscratch\n.*Read-only file system/);
  });

  test('proves its device first, then says that no task is named', async () => {
    const { code, output, seconds } = await image.run({});
    console.info(`start-up: ${seconds.toFixed(2)} s`);
    expect(output).toMatch(/in use +CPUExecutionProvider.*IGD_SERVICE describes no service/s);
    expect(code).toBe(taskExitCodes.badInput);
    // A host without a GPU's driver: the job goes elsewhere.
    expect((await image.run({ IGD_DEVICE: 'webgpu' })).code).toBe(taskExitCodes.temporary);
  });

  test('ranks, evaluates and transfers as igd run does', async () => {
    const { ctx, cluster } = await scene(moto);
    const config = remoteConfig({ name: 'container' });
    const submitted = await submitConfig(ctx, 'container', JSON.stringify(config));
    if (submitted.kind !== 'started') throw new Error(JSON.stringify(submitted));
    const container: Container = async (env) => {
      const { code, output } = await image.run({ ...aws(), ...env });
      if (code !== 0) console.error(output);
      return code ?? 1;
    };
    for (let events = await cluster.run(container); events.length > 0; events = await cluster.run(container))
      for (const event of events) await handleEvent(ctx, event);
    const { state, failures, stages } = await runStatus(ctx, submitted.run);
    expect({ state, failures }).toEqual({ state: 'complete', failures: [] });
    expect(stages.map(({ stage }) => stage)).toEqual(['rank', 'evaluate', 'transfer']);

    const written = writeJson(folder.path('config.json'), config);
    const local = await igd(['run', written, '--out', folder.path('out'), '--rankings', folder.path('rankings')]);
    expect(local.code, local.stderr).toBe(0);
    const file = (name: string) => readFileSync(folder.path(`out/${name}`), 'utf8');
    const remote = (name: string) => textOf(ctx, submitted.run, name);
    expect(timeless(await remote('report.json'))).toEqual(timeless(file('report.json')));
    for (const name of ['images.csv', 'ranking.loir.json']) expect(await remote(name), name).toBe(file(name));
  });
});

/** What a job's role and region are on AWS. */
function aws(): Record<string, string> {
  const names = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']));
}
