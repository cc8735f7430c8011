import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Finished, igd, scratch, smallConfig } from '../support/cli.ts';
import { hasRequirement, REFERENCE } from '../support/require.ts';
import { describeOnWebGpu } from './support.ts';

const folder = scratch();
afterAll(folder.remove);

const SUITE = [
  { attack: 'apgd-ce', iterations: 2 },
  { attack: 'apgd-t', iterations: 1, targets: 1 },
  { attack: 'fab-t', iterations: 1, targets: 1 },
  { attack: 'square', queries: 2 },
];

const small = (changes: Readonly<Record<string, unknown>>) => {
  const { dataset, ...rest } = smallConfig(changes);
  return { ...rest, dataset: { ...(dataset as object), testImages: 4, probeImages: 30 } };
};

/** The same config on the device and on the CPU, rankings of its own each. */
async function onBoth(
  name: string,
  command: 'run' | 'analyze',
  config: object,
): Promise<(file: string) => [string, string]> {
  const path = folder.path(`${name}.json`);
  writeFileSync(path, JSON.stringify(config));
  const out = (device: string) => folder.path(`${name}-${device}`);
  for (const device of ['webgpu', 'cpu']) {
    const rankings = folder.path(`${name}-${device}-rankings`);
    const finished = await igd([command, path, '--out', out(device), '--rankings', rankings, '--device', device]);
    expect(finished.code, finished.stderr).toBe(0);
  }
  return (file) => [readFileSync(join(out('webgpu'), file), 'utf8'), readFileSync(join(out('cpu'), file), 'utf8')];
}

describeOnWebGpu('a run on WebGPU', () => {
  it('has the outcomes of the CPU, image by image, under every defence', async () => {
    const variants = ['none', 'loir', { mask: 'conf', thresholds: [0.8] }];
    const compute = { batchSize: 12, imagesPerShard: 12 };
    const read = await onBoth('run', 'run', small({ variants, suite: SUITE, compute }));
    const [device, cpu] = read('images.csv');
    expect(device).toBe(cpu);
    expect(device.split('\n').length).toBeGreaterThan(12);
  });

  it.runIf(hasRequirement('whole'))('analyses as the CPU does', async () => {
    const analysis = { attack: { attack: 'gama', iterations: 4 } };
    const read = await onBoth('analysis', 'analyze', small({ variants: ['loir'], suite: SUITE.slice(0, 1), analysis }));
    const [device, cpu] = read('analysis.json').map((text) => JSON.parse(text));
    expect(Object.keys(device.shift)).toEqual(Object.keys(cpu.shift));
    const shares = (report: { shift: Record<string, { images: number }> }) =>
      Object.values(report.shift).map(({ images }) => images);
    expect(shares(device)).toEqual(shares(cpu));
  });

  it('takes one worker, and refuses more in words before anything is written', async () => {
    const path = folder.path('workers.json');
    writeFileSync(path, JSON.stringify(smallConfig()));
    const run: Finished = await igd([
      'run',
      path,
      '--out',
      folder.path('workers'),
      '--device',
      'webgpu',
      '--workers',
      '2',
    ]);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('2 workers were asked for, and WebGPU computes in one thread of a process');
    expect(() => readFileSync(folder.path('workers/plan.json'))).toThrow();
  });
});

const CASE = join(REFERENCE, '../cases/gpu');

if (hasRequirement('reference')) {
  describeOnWebGpu('a width of 6 channels, silently wrong with channels last', () => {
    it('has the outcomes of the CPU', async () => {
      const config = JSON.parse(readFileSync(join(CASE, 'run-w6.json'), 'utf8'));
      const read = await onBoth('w6', 'run', config);
      const [device, cpu] = read('images.csv');
      expect(device).toBe(cpu);
      const [{ variants }] = read('report.json').map((text) => JSON.parse(text));
      expect(variants[0].clean.accuracy).toBe(0.75);
      expect(variants[0].robust.accuracy).toBe(0.375);
    });
  });
}
