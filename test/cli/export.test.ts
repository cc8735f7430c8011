import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/datasets/open.ts';
import { decodeNpy } from '../../src/numeric/npy.ts';
import { toNumbers } from '../../src/numeric/tensor.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { shardResultSchema } from '../../src/schemas/results.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

const IMAGES = 12;
const SIZE = 3 * 32 * 32;
const CHECKPOINT = 'examples/demo/shapes10-rn18-w8.pt';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const read = (path: string) => decodeNpy(readFileSync(folder.path(path)), path);
const rankings = () => ['--rankings', folder.path('rankings')];

async function startRun(changes: Readonly<Record<string, unknown>>): Promise<string> {
  const out = folder.path('out');
  const config = writeJson(folder.path('config.json'), smallConfig(changes));
  expect(await igd(['run', config, '--out', out, ...rankings()])).toMatchObject({ code: 0 });
  return out;
}

describe('igd export', () => {
  test('writes what AutoAttack returns: adversarial where broken, clean elsewhere', async () => {
    const out = await startRun({ variants: ['none', 'loir'] });
    expect(await igd(['export', out, '--to', folder.path('arrays')])).toMatchObject({ code: 0, stderr: '' });
    const { variants } = reportSchema.parse(JSON.parse(readFileSync(`${out}/report.json`, 'utf8')));
    const data = await openDataset({ format: 'cifar10', path: 'examples/demo/test.bin', split: 'test', limit: IMAGES });
    const clean = await data.pixels(0, IMAGES);
    for (const { id, robust } of variants) {
      expect(readdirSync(folder.path(`arrays/${id}`)).sort()).toEqual(['labels.npy', 'predictions.npy', 'x_adv.npy']);
      const x = read(`arrays/${id}/x_adv.npy`);
      expect([x.type, x.dims]).toEqual(['float32', [IMAGES, 3, 32, 32]]);
      const labels = read(`arrays/${id}/labels.npy`);
      const predictions = toNumbers(read(`arrays/${id}/predictions.npy`));
      expect([labels.type, labels.dims]).toEqual(['int64', [IMAGES]]);
      expect(toNumbers(labels)).toEqual([...data.labels]);
      expect(predictions.filter((prediction, image) => prediction === data.labels[image])).toHaveLength(robust.correct);
      for (let shard = 0; shard < 3; shard++) {
        const result = shardResultSchema.parse(
          JSON.parse(readFileSync(folder.path(`out/shards/${id}/0000${shard}.json`), 'utf8')),
        );
        const examples = read(`out/shards/${id}/0000${shard}.npy`).data;
        let broken = 0;
        for (const { image, brokenBy } of result.images) {
          const row = x.data.slice(image * SIZE, (image + 1) * SIZE);
          const wanted = brokenBy === null ? clean : examples;
          const from = (brokenBy === null ? image : broken++) * SIZE;
          expect(row).toEqual(wanted.slice(from, from + SIZE));
        }
      }
    }
    const [none] = variants;
    const arrays = ['--data', folder.path('arrays/none/x_adv.npy'), '--labels', folder.path('arrays/none/labels.npy')];
    const predicted = await igd(['predict', CHECKPOINT, ...arrays]);
    expect(predicted.stdout).toContain(`${none!.robust.correct} of ${IMAGES} images right`);
  });

  test('takes one variant, and refuses one that is not there, other data, and missing results', async () => {
    const test = folder.path('test.bin');
    writeFileSync(test, readFileSync('examples/demo/test.bin'));
    const suite = [{ attack: 'apgd-ce', iterations: 3 }];
    const dataset = { format: 'cifar10', test, testImages: IMAGES };
    const out = await startRun({ dataset, variants: ['none', 'two-pass'], suite });
    const to = folder.path('arrays');
    const unknown = await igd(['export', out, '--to', to, '--variant', 'loir']);
    expect(unknown).toMatchObject({
      code: 2,
      stderr: 'igd: the run has no variant "loir"; it has none and two-pass\n',
    });
    expect(await igd(['export', out, '--to', to, '--variant', 'two-pass'])).toMatchObject({ code: 0 });
    expect(readdirSync(to)).toEqual(['two-pass']);

    rmSync(folder.path('out/shards/none/00001.npy'));
    const missing = await igd(['export', out, '--to', to, '--variant', 'none']);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('shards/none/00001.npy is missing');
    expect(readdirSync(to)).toEqual(['two-pass']);

    const bytes = readFileSync(test);
    bytes[100]! ^= 1;
    writeFileSync(test, bytes);
    const other = await igd(['export', out, '--to', to, '--variant', 'two-pass']);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('is not the data this run was made with');
  });
});

describe('igd report --robustbench', () => {
  test('writes an entry for each variant and says what is left to fill in', async () => {
    const suite = [{ attack: 'apgd-ce', iterations: 3 }];
    const dataset = { format: 'cifar10', test: 'examples/demo/test.bin', testImages: IMAGES };
    const out = await startRun({ dataset, variants: ['none', 'two-pass'], suite });
    expect(await igd(['report', out, ...rankings(), '--variant', 'none'])).toMatchObject({ code: 2 });
    const one = await igd(['report', out, ...rankings(), '--robustbench', '--variant', 'none']);
    expect(one.code).toBe(0);
    expect(one.stdout).toContain('left null, for you to fill in: link, name, authors');
    expect(one.stdout).toContain(`robustbench: ${out}/robustbench.none.json`);
    expect(existsSync(`${out}/robustbench.two-pass.json`)).toBe(false);
    const report = reportSchema.parse(JSON.parse(readFileSync(`${out}/report.json`, 'utf8')));
    const entry = JSON.parse(readFileSync(`${out}/robustbench.none.json`, 'utf8'));
    expect(entry).toMatchObject({
      // The demo's shapes come in CIFAR-10's format.
      dataset: null,
      eps: '8/255',
      clean_acc: (100 * report.variants[0]!.clean.accuracy).toFixed(2),
      autoattack_acc: null,
      unreliable: true,
    });
    expect(await igd(['report', out, ...rankings(), '--robustbench'])).toMatchObject({ code: 0 });
    expect(existsSync(`${out}/robustbench.two-pass.json`)).toBe(true);
    expect(await igd(['report', out, ...rankings(), '--robustbench', '--variant', 'x'])).toMatchObject({ code: 2 });
  });
});
