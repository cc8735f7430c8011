import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { evaluate, type Report, type RunConfigInput, type RunProgress, reportSchema } from '../../../src/index.ts';
import { scratch, writeJson } from '../../support/cli.ts';
import { CHECKPOINT, expectRefusal } from './support.ts';

const folder = scratch();
const systemFolder = process.env.TMPDIR;
beforeAll(() => {
  process.env.TMPDIR = mkdtempSync(join(tmpdir(), 'igd-test-tmp-'));
});
afterAll(() => {
  if (systemFolder === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = systemFolder;
  folder.remove();
});

const CONFIG: RunConfigInput = {
  name: 'tiny',
  checkpoint: { uri: CHECKPOINT },
  dataset: {
    ...{ format: 'cifar10', test: 'examples/demo/test.bin', probe: 'examples/demo/train.bin' },
    ...{ testImages: 8, probeImages: 200 },
  },
  layer: 'layer4',
  importantUnits: 12,
  variants: ['none', 'loir'],
  threat: { norm: 'Linf', epsilon: '8/255' },
  suite: [{ attack: 'apgd-ce', iterations: 5 }],
  compute: { batchSize: 8, imagesPerShard: 4 },
};

/** onnxruntime keeps files of its own there. */
const leftBehind = () => readdirSync(tmpdir()).filter((name) => name.startsWith('igd-'));

/** What of a report does not depend on clocks. */
const numbers = ({ run, variants }: Report) => [
  run.id,
  ...variants.map(({ id, clean, robust, worstCase }) => ({ id, clean, robust, worstCase })),
];

describe('evaluate', () => {
  let inMemory: Report;
  test('does a whole run and leaves nothing behind', async () => {
    const seen: RunProgress[] = [];
    inMemory = await evaluate(CONFIG, { workers: 2, onProgress: (progress) => seen.push(progress) });
    expect(reportSchema.parse(inMemory)).toEqual(inMemory);
    expect(inMemory.variants.map(({ id }) => id)).toEqual(['none', 'loir']);
    expect(inMemory.variants[0]?.clean.correct).toBe(7);
    expect([...new Set(seen.map(({ stage }) => stage))]).toEqual(['rank', 'evaluate', 'transfer']);
    expect(seen.filter(({ stage }) => stage === 'evaluate').at(-1)).toMatchObject({ done: 4, total: 4, job: null });
    expect(seen.some(({ job }) => job?.attack === 'apgd-ce')).toBe(true);
    expect(leftBehind()).toEqual([]);
  });

  test('of a file, into a folder, gives the same numbers, and goes on where it was stopped', async () => {
    const out = folder.path('run');
    const controller = new AbortController();
    const path = writeJson(folder.path('config.json'), CONFIG);
    const stopped = evaluate(path, {
      ...{ out, workers: 1, signal: controller.signal },
      onProgress: ({ stage, done }) => {
        if (stage === 'evaluate' && done === 1) controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(existsSync(join(out, 'report.json'))).toBe(false);
    const report = await evaluate(path, { out, workers: 1 });
    expect(numbers(report)).toEqual(numbers(inMemory));
    expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))).toEqual(report);
    expect(readdirSync(join(out, 'rankings'), { recursive: true }).length).toBeGreaterThan(0);
  });

  test('removes its temporary folder where the run fails', async () => {
    const bad = { ...CONFIG, checkpoint: { uri: 'missing.pt' } };
    await expectRefusal(() => evaluate(bad), /missing\.pt/);
    expect(leftBehind()).toEqual([]);
  });

  test('reads YAML', async () => {
    const path = folder.path('config.yaml');
    writeFileSync(path, `# one attack\n${stringify({ ...CONFIG, suite: 'std' })}`);
    await expectRefusal(() => evaluate(path), /config\.yaml: suite/);
  });

  test('does not begin where it is stopped already', async () => {
    const reason = new Error('no');
    await expect(evaluate(CONFIG, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test.each<[string, unknown, object, RegExp]>([
    ['a config that does not fit', { ...CONFIG, suite: 'std' }, {}, /^the config: suite/],
    ['a file that is not there', 'missing.json', {}, /cannot read missing\.json/],
    ['nothing', undefined, {}, /the config is undefined/],
    ['no workers', CONFIG, { workers: 0 }, /workers is 0/],
    ['a bucket', CONFIG, { out: 's3://bucket/run' }, /give a folder on this machine/],
    ['a misspelt option', CONFIG, { worker: 1 }, /evaluate has no option "worker"/],
  ])('refuses %s', (_, config, options, message) =>
    expectRefusal(() => Reflect.apply(evaluate, undefined, [config, options]), message),
  );
});
