import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../src/datasets/open.ts';
import { encodeNpy } from '../../src/numeric/npy.ts';
import { float32, int64 } from '../../src/numeric/tensor.ts';
import { reportSchema } from '../../src/schemas/report.ts';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';
import { golden } from '../support/golden.ts';
import { describeWithShared } from '../support/shared.ts';
import { demoFolder, IMAGES } from '../unit/datasets/image/support.ts';
import { put, tarOf } from '../unit/datasets/support.ts';

let folder: ReturnType<typeof scratch>;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => folder.remove());

async function run(config: Record<string, unknown>, name: string) {
  const out = folder.path(name);
  const path = writeJson(folder.path(`${name}.json`), config);
  const { code, stderr } = await igd(['run', path, '--out', out, '--rankings', folder.path('rankings')]);
  expect(stderr).not.toContain('igd:');
  expect(code).toBe(0);
  const report = reportSchema.parse(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')));
  return { out, report, images: readFileSync(join(out, 'images.csv'), 'utf8') };
}

describe('the demo as PNGs', () => {
  const TEST = 12;
  const PROBE = 200;
  let bin: Awaited<ReturnType<typeof run>>;
  let png: Awaited<ReturnType<typeof run>>;

  beforeAll(async () => {
    const suite = [{ attack: 'apgd-ce', iterations: 5 }];
    bin = await run(smallConfig({ suite, variants: ['none', 'loir'] }), 'bin');
    const test = await demoFolder(folder.path('test'), 'test', TEST);
    const probe = await demoFolder(folder.path('train'), 'train', PROBE);
    // In the order of the .bin: what an image draws at random hangs on its index.
    const { names = [] } = await openDataset({ format: 'imagefolder', path: test, split: 'test' });
    const inOrder = names.toSorted(
      (a, b) => Number(a.split('/')[1]?.slice(0, 4)) - Number(b.split('/')[1]?.slice(0, 4)),
    );
    writeFileSync(folder.path('ids.txt'), inOrder.map((name) => `test/${name}`).join('\n'));
    const dataset = { format: 'imagefolder', test, probe, testList: folder.path('ids.txt') };
    png = await run(smallConfig({ suite, variants: ['none', 'loir'], dataset }), 'png');
  });

  test('give the outcome of every image that the .bin gives', () => {
    expect(png.images).toBe(bin.images);
    const shares = ({ report }: typeof bin) =>
      report.variants.map(({ clean, robust, worstCase }) => [clean, robust, worstCase]);
    expect(shares(png)).toEqual(shares(bin));
    expect(png.report.dataset.test.images).toBe(TEST);
    expect(png.report.dataset.probe?.images).toBe(PROBE);
  });

  test('are verified on fresh sessions', async () => {
    const verified = await igd(['verify', png.out, '--rankings', folder.path('rankings')]);
    expect(verified.stderr).not.toContain('igd:');
    expect(verified.stdout).toMatch(/all \d+ adversarial examples hold/);
  });

  test('are ranked on a sample, as a tar too', async () => {
    const test = folder.path('train');
    const names = (await openDataset({ format: 'imagefolder', path: test, split: 'test' })).names ?? [];
    const members = ['classes.txt', ...names].map((name) => [name, readFileSync(join(test, name))] as const);
    const tar = await put(folder.dir, 'train.tar', await tarOf(Object.fromEntries(members)));
    const rankings = await Promise.all(
      [test, tar].map(async (data, i) => {
        const out = folder.path(`ranking${i}.json`);
        const sample = ['--format', 'imagefolder', '--fraction', '0.5', '--fraction-seed', '2'];
        const args = ['--data', data, ...sample, '--layer', 'layer4', '--allow-degenerate', '--out', out];
        const { code, stderr } = await igd(['rank', 'examples/demo/shapes10-rn18-w8.pt', ...args]);
        expect(stderr).not.toContain('igd:');
        expect(code).toBe(0);
        return readFileSync(out, 'utf8');
      }),
    );
    expect(rankings[1]).toBe(rankings[0]);
    expect(JSON.parse(rankings[0] ?? '').probe.images).toBeLessThan(PROBE * 0.55);
  });

  test('of a part of the classes are refused, and options of folders on other formats', async () => {
    const [one, two] = [0, 1].map((i) => readFileSync(join(folder.path('test'), namesOf()[i] ?? '')));
    const part = await put(folder.dir, 'part.tar', await tarOf({ 'a/1.png': one ?? '', 'b/1.png': two ?? '' }));
    const config = writeJson(
      folder.path('part.json'),
      smallConfig({ variants: ['none'], dataset: { format: 'imagefolder', test: part } }),
    );
    const refused = await igd(['validate', config]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/has 2 classes, the model 10.*classes\.txt/);
    const options = ['--data', 'examples/demo/test.bin', '--preprocessing', 'Crop288'];
    const wrong = await igd(['predict', 'examples/demo/shapes10-rn18-w8.pt', ...options]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--format imagefolder') });
  });

  const namesOf = () =>
    readFileSync(folder.path('ids.txt'), 'utf8')
      .split('\n')
      .map((line) => line.slice('test/'.length));
});

describeWithShared('an ImageNet ResNet-50', (reference) => {
  const checkpoint = join(reference, 'checkpoints/rn50-w8-c20.pth.tar');

  test('reads photographs as RobustBench does: the logits of the same pixels, and an attack on them', async () => {
    const list = folder.path('labels.txt');
    writeFileSync(list, 'photo.png 3\nrotated.jpg 17\n');
    const data = { preprocessing: 'Res256Crop224', path: join(IMAGES, 'pictures') } as const;
    const photos = await openDataset({ format: 'imagefolder', split: 'test', list, ...data });
    expect(photos).toMatchObject({ count: 2, imageShape: [3, 224, 224], classes: 18 });
    await put(folder.dir, 'x.npy', encodeNpy(float32([2, 3, 224, 224], await photos.pixels(0, 2))));
    await put(folder.dir, 'y.npy', encodeNpy(int64([2], [3, 17])));
    const npy = ['--data', folder.path('x.npy'), '--labels', folder.path('y.npy')];
    const images = [
      '--data',
      data.path,
      '--format',
      'imagefolder',
      '--list',
      list,
      '--preprocessing',
      data.preprocessing,
    ];
    for (const [name, args] of Object.entries({ npy, images })) {
      const { code } = await igd(['predict', checkpoint, ...args, '--logits', folder.path(`${name}-logits.npy`)]);
      expect(code).toBe(0);
    }
    expect(golden(folder.path('images-logits.npy'))).toEqual(golden(folder.path('npy-logits.npy')));

    const dataset = { format: 'imagefolder', test: data.path, testList: list, preprocessing: data.preprocessing };
    const { report } = await run(
      smallConfig({
        checkpoint: { uri: checkpoint },
        dataset,
        variants: ['none', 'random'],
        layer: 'layer3',
        importantUnits: 64,
        threat: { norm: 'Linf', epsilon: '4/255' },
        suite: [{ attack: 'apgd-ce', iterations: 2 }],
        compute: { batchSize: 2, imagesPerShard: 2 },
      }),
      'rn50',
    );
    expect(report.dataset.test.images).toBe(2);
  });
});
