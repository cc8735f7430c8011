import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attack, evaluate, openModel, type Report, type RunConfigInput, readImages } from '../../../src/index.ts';
import { scratch } from '../../support/cli.ts';

const CHECKPOINT = 'examples/demo/shapes10-rn18-w8.pt';
const IMAGES = 12;
const CONFIG: RunConfigInput = {
  name: 'rapid',
  checkpoint: { uri: CHECKPOINT },
  dataset: {
    ...{ format: 'cifar10', test: 'examples/demo/test.bin', probe: 'examples/demo/train.bin' },
    ...{ testImages: IMAGES, probeImages: 200 },
  },
  layer: 'layer4',
  importantUnits: 12,
  variants: ['none', 'loir'],
  threat: { norm: 'Linf', epsilon: '12/255' },
  suite: 'rapid',
  compute: { batchSize: 8, imagesPerShard: 6 },
};

/** What of a report does not depend on clocks. */
const timeless = (report: Report) =>
  JSON.parse(JSON.stringify(report, (key, value: unknown) => (key === 'seconds' ? 0 : value)));

const folder = scratch();
afterAll(() => folder.remove());

describe('suite rapid', () => {
  let report: Report;
  const out = folder.path('run');
  beforeAll(async () => {
    report = await evaluate(CONFIG, { out, workers: 1 });
  });
  const rows = (id: string) => report.variants.find((variant) => variant.id === id)!.attacks;

  it('makes examples on the undefended model once, and only tries them on the variants', () => {
    expect(readdirSync(`${out}/crafted/none`).sort()).toEqual(['00000.json', '00000.npy', '00001.json', '00001.npy']);
    expect(report.run.crafting).toMatchObject([{ attack: 'base.malt', variant: 'none' }]);
    expect(report.run.crafting![0]!.gradients).toBeGreaterThan(9 * IMAGES * 0.8);
    for (const id of ['none', 'loir']) {
      const [crafted] = rows(id);
      expect(crafted).toMatchObject({ attack: 'base.malt', gradients: 0 });
      expect(crafted!.broken).toBeGreaterThan(0);
      // One forward an example, and no more than there are images.
      expect(crafted!.forwards).toBeLessThanOrEqual(IMAGES);
    }
  });

  it('breaks on the undefended model what its examples were made to break', () => {
    const crafted = readdirSync(`${out}/crafted/none`)
      .filter((file) => file.endsWith('.json'))
      .map((file) => JSON.parse(readFileSync(`${out}/crafted/none/${file}`, 'utf8')))
      .flatMap(({ images }: { images: { brokenBy: string | null }[] }) => images);
    expect(rows('none')[0]!.broken).toBe(crafted.filter(({ brokenBy }) => brokenBy !== null).length);
  });

  it('does not repeat on it what was made on it, and tells of the others what their own gradients find', () => {
    expect(rows('none')[1]).toMatchObject({ attack: 'malt', broken: 0, forwards: 0, gradients: 0 });
    expect(rows('none')[1]).not.toHaveProperty('alone');
    const own = rows('loir')[1]!;
    expect(own.gradients).toBeGreaterThan(0);
    expect(own.alone).toBeGreaterThanOrEqual(own.broken);
    expect(rows('loir').map(({ attack }) => attack)).toEqual(['base.malt', 'malt', 'pma']);
    const left = rows('loir').at(-1)!;
    expect(left.robustAccuracy).toBe(report.variants[1]!.robust.accuracy);
  });

  it('gives the same report for any shards and workers', async () => {
    const other = await evaluate(
      { ...CONFIG, compute: { batchSize: 3, imagesPerShard: IMAGES } },
      { out: folder.path('other'), workers: 2 },
    );
    const plain = (value: Report) => {
      const { run, ...rest } = timeless(value);
      return { ...rest, run: { ...run, id: '', shards: 0 } };
    };
    expect(plain(other)).toEqual(plain(report));
  });

  it('goes on where it was stopped, within what is made once and after it', async () => {
    const stopped = folder.path('stopped');
    for (const stage of ['craft', 'evaluate'] as const) {
      const controller = new AbortController();
      const run = evaluate(CONFIG, {
        ...{ out: stopped, workers: 1, signal: controller.signal },
        onProgress: (progress) => {
          if (progress.stage === stage && progress.done === 1) controller.abort(new Error('enough'));
        },
      });
      await expect(run).rejects.toThrow('enough');
      expect(existsSync(`${stopped}/report.json`)).toBe(false);
    }
    expect(timeless(await evaluate(CONFIG, { out: stopped, workers: 1 }))).toEqual(timeless(report));
  });

  it('comes to the same as a library call on the model itself', async () => {
    const model = await openModel(CHECKPOINT);
    const images = await readImages('examples/demo/test.bin', { format: 'cifar10', count: IMAGES });
    const { robust, usage } = await attack(model, {
      ...{ images: images.images, labels: images.labels },
      ...{ threat: { norm: 'Linf', epsilon: 12 / 255 }, suite: 'rapid' },
    });
    await model.release();
    expect(usage.map(({ attack: name }) => name)).toEqual(['base.malt', 'pma']);
    expect([...robust].filter((value) => value === 1)).toHaveLength(report.variants[0]!.robust.correct);
  });
});
