import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { planRun } from '../../../src/runs/planning/plan.ts';
import { writeReport } from '../../../src/runs/write-report.ts';
import { runKeys } from '../../../src/schemas/keys.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { reportSchema } from '../../../src/schemas/report.ts';
import type { TransferResult } from '../../../src/schemas/results.ts';
import { FileStore } from '../../../src/stores/folder-store.ts';
import { scratch } from '../../support/cli.ts';
import { makeRun, NONE, TWO_PASS } from '../report/fixture.ts';

/** 47 images in shards of 10: the last one is short. */
const IMAGES = 47;
const PER_SHARD = 10;
const made = makeRun({
  variants: [NONE, TWO_PASS],
  images: IMAGES,
  imagesPerShard: PER_SHARD,
  suite: ['apgd-ce', 'apgd-t'],
});
const config = parseConfig(
  JSON.stringify({
    name: 'partial',
    checkpoint: { uri: 'model.pt' },
    dataset: { format: 'cifar10', test: 'test.bin' },
    layer: 'layer4',
    variants: ['none', 'two-pass'],
    threat: { norm: 'Linf', epsilon: '8/255' },
    suite: ['apgd-ce', 'apgd-t'],
    compute: { imagesPerShard: PER_SHARD },
  }),
  'config',
);
const digest = 'ab'.repeat(32);
const plan = planRun(config, null, {
  checkpoint: {
    sha256: digest,
    architecture: 'ResNet-18',
    classes: 10,
    layer: { name: 'layer4', units: 64 },
    notes: [],
  },
  imageShape: [3, 32, 32],
  test: { sha256: digest, images: IMAGES },
  probe: null,
  classNames: [],
});

let folder: ReturnType<typeof scratch>;
let runs: FileStore;
beforeEach(async () => {
  folder = scratch();
  runs = new FileStore(folder.path('run'));
  for (const shard of made.shards) {
    await runs.put(runKeys.evaluation(shard.variant, shardOf(shard.images[0]!.image)), JSON.stringify(shard));
  }
  for (const { variant } of made.transfers) {
    for (const shard of plan.shards.keys()) {
      await runs.put(runKeys.transfer(variant, shard), JSON.stringify(transferOf(variant, shard)));
    }
  }
});
afterEach(() => folder.remove());

const shardOf = (image: number) => Math.floor(image / PER_SHARD);
const remove = (...keys: string[]) => keys.forEach((key) => void rmSync(folder.path(`run/${key}`)));
const write = (options?: { allowPartial: boolean }) =>
  writeReport(plan, runs, new FileStore(folder.path('rankings')), options);
const text = async (key: string) => new TextDecoder().decode(await runs.get(key));

/** One shard's part of what a variant made of the others' examples. */
function transferOf(target: string, shard: number): TransferResult {
  const whole = made.transfers.find(({ variant }) => variant === target)!;
  const sources = whole.sources.map(({ variant, predictions }) => ({
    variant,
    predictions: predictions.filter(({ image }) => shardOf(image) === shard),
  }));
  return { ...whole, sources };
}

describe('a run that misses results', () => {
  it('is refused where it was to be whole', async () => {
    remove(runKeys.evaluation('two-pass', 1));
    await expect(write()).rejects.toThrow(/shards\/two-pass\/00001.json is missing/);
    expect(await runs.has('report.json')).toBe(false);
  });

  it('is reported on the images that every variant has', async () => {
    remove(runKeys.evaluation('two-pass', 1), runKeys.transfer('two-pass', 1), runKeys.transfer('none', 3));
    const report = await write({ allowPartial: true });
    expect(report.run).toMatchObject({ images: 27, shards: 3 });
    expect(report.run.missing).toEqual([
      { variant: 'none', shard: 3 },
      { variant: 'two-pass', shard: 1 },
    ]);
    const kept = (image: number) => ![1, 3].includes(shardOf(image));
    for (const variant of report.variants) {
      const outcomes = made.shards.filter((one) => one.variant === variant.id).flatMap(({ images }) => images);
      const covered = outcomes.filter(({ image }) => kept(image));
      const right = covered.filter(({ label, cleanPrediction }) => label === cleanPrediction);
      expect(variant.clean.correct).toBe(right.length);
      expect(variant.robust.correct).toBe(right.filter(({ brokenBy }) => brokenBy === null).length);
      expect(variant.perClass.reduce((sum, { images }) => sum + images, 0)).toBe(27);
      for (const { class: label, clean } of variant.perClass) {
        const ofClass = covered.filter((outcome) => outcome.label === label);
        expect(clean).toBe(ofClass.filter(({ cleanPrediction }) => cleanPrediction === label).length / ofClass.length);
      }
    }
    const numbers = (await text('images.csv')).trim().split('\n').slice(1).map(Number.parseFloat);
    expect(numbers).toHaveLength(2 * 27);
    expect(numbers.every(kept)).toBe(true);
  });

  it('says in the report what is missing and how to finish', async () => {
    remove(runKeys.evaluation('none', 0), runKeys.evaluation('none', 2), runKeys.evaluation('two-pass', 2));
    const report = await write({ allowPartial: true });
    const flag = report.flags.find(({ code }) => code === 'incomplete');
    expect(flag?.message).toContain('none has no result for shards 0, 2 and two-pass has no result for shard 2');
    expect(flag?.message).toContain('27 of 47 images');
    expect(flag?.message).toContain('igd retry RUN');
    for (const file of ['report.html', 'report.md']) expect(await text(file)).toContain('the run is incomplete');
    expect(reportSchema.parse(JSON.parse(await text('report.json')))).toEqual(report);
  });

  it('gives the whole report once nothing is missing', async () => {
    remove(runKeys.evaluation('none', 0));
    await write({ allowPartial: true });
    const lost = made.shards.find(({ variant, images }) => variant === 'none' && images[0]?.image === 0);
    await runs.put(runKeys.evaluation('none', 0), JSON.stringify(lost));
    await write({ allowPartial: true });
    const partialAllowed = await text('report.json');
    const whole = await write();
    expect(await text('report.json')).toBe(partialAllowed);
    expect(whole.run).toMatchObject({ images: IMAGES, shards: 5, missing: [] });
    expect(whole.flags.map(({ code }) => code)).not.toContain('incomplete');
  });

  it('is no report where no shard is complete', async () => {
    for (const shard of plan.shards.keys()) remove(runKeys.transfer(shard % 2 === 0 ? 'none' : 'two-pass', shard));
    await expect(write({ allowPartial: true })).rejects.toThrow(RunError);
    await expect(write({ allowPartial: true })).rejects.toThrow(/none of the 5 shards .*5 of 10 results are missing/);
    expect(await runs.has('report.json')).toBe(false);
  });
});
