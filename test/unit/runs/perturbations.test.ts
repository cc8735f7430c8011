import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAttack } from '../../../src/attacks/suites.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import type { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import { type Evaluation, evaluateImages } from '../../../src/evaluation/protocol.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { perturbationRecords } from '../../../src/runs/jobs/perturbations.ts';
import { perturbationsOf } from '../../../src/runs/perturbations.ts';
import { runKeys } from '../../../src/schemas/keys.ts';
import type { ShardResult } from '../../../src/schemas/results.ts';
import { FileStore } from '../../../src/stores/folder-store.ts';
import { scratch } from '../../support/cli.ts';
import { modelOf } from '../../support/models.ts';

const IMAGES = 14;
const THREAT = { norm: 'Linf', epsilon: 8 / 255 } as const;
const folder = scratch();
const runs = new FileStore(folder.path('run'));

let model: OnnxModel;
/** The same images as two shards, and as one. */
const found: {
  readonly first: number;
  readonly evaluation: Evaluation;
  readonly records: ReturnType<typeof perturbationRecords>;
}[] = [];

beforeAll(async () => {
  model = modelOf(await openClassifier({ path: 'examples/demo/shapes10-rn18-w8.pt' }));
  const path = 'examples/demo/test.bin';
  const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: IMAGES });
  for (const [first, count] of [
    [0, 6],
    [6, IMAGES - 6],
    [0, IMAGES],
  ] as const) {
    const images = {
      x: await data.pixels(first, count),
      labels: data.labels.slice(first, first + count),
      images: Array.from({ length: count }, (_, i) => first + i),
    };
    const suite = [
      { attack: createAttack({ attack: 'apgd-ce', iterations: 5 }), group: 'all' },
      { attack: createAttack({ attack: 'fab', iterations: 5 }), group: 'all', sees: 'all' as const },
    ];
    const evaluation = await evaluateImages(model, images, {
      suite,
      threat: THREAT,
      seed: 0,
      batchSize: 14,
      examples: 'last',
    });
    const shot = { variant: 'none', images, evaluation, threat: THREAT, shape: [3, 32, 32] as const };
    found.push({ first, evaluation, records: perturbationRecords(shot) });
  }
});
afterAll(async () => {
  await model?.release();
  folder.remove();
});

const sizesOf = (place: number) => JSON.parse(found[place]!.records.sizes).images;
const shardOf = (place: number): ShardResult => ({
  schema: 'igd.shard/2',
  variant: 'none',
  images: found[place]!.evaluation.outcomes,
  attacks: [],
  checks: found[place]!.evaluation.checks,
});

describe("how far a shard's examples are from their images", () => {
  it('is of the nearest example of all attacks, and of the stored one, within the ball', () => {
    const sizes = sizesOf(2);
    const { outcomes } = found[2]!.evaluation;
    expect(sizes.map(({ image }: { image: number }) => image)).toEqual(
      outcomes.filter(({ brokenBy }) => brokenBy !== null).map(({ image }) => image),
    );
    expect(sizes.length).toBeGreaterThan(6);
    for (const { nearest, distance, l2 } of sizes) {
      expect(nearest).toBeGreaterThan(0);
      expect(nearest).toBeLessThanOrEqual(distance);
      expect(distance).toBeLessThanOrEqual(THREAT.epsilon + 1e-6);
      expect(l2).toBeLessThanOrEqual(distance * Math.sqrt(3 * 32 * 32));
    }
    // FAB came second: the stored example is not its own, the nearest one is.
    const byFab = sizes.filter(({ nearestBy }: { nearestBy: string }) => nearestBy === 'fab');
    expect(byFab.length).toBeGreaterThan(3);
    expect(byFab.some(({ nearest, distance }: { nearest: number; distance: number }) => nearest < 0.8 * distance)).toBe(
      true,
    );
  });

  it('does not depend on how a run is cut into shards, nor do the pictures that are shown', async () => {
    expect([...sizesOf(0), ...sizesOf(1)]).toEqual(sizesOf(2));
    const plan = { config: { variants: [{ id: 'none', mask: null }], threat: THREAT } };
    const read = async (places: readonly number[]) => {
      for (const [shard, place] of places.entries()) {
        await runs.put(runKeys.perturbations('none', shard), found[place]!.records.sizes);
        await runs.put(runKeys.pictures('none', shard), found[place]!.records.pictures);
      }
      return perturbationsOf(plan, runs, [...places.keys()], places.map(shardOf));
    };
    const byImage = (all: Awaited<ReturnType<typeof read>>) =>
      all.get('none')?.pictures.toSorted((a, b) => a.image - b.image);
    const cut = await read([0, 1]);
    expect(cut.get('none')?.images).toEqual(sizesOf(2));
    const whole = byImage(await read([2]));
    expect(byImage(cut)).toEqual(whole);
    expect(whole).toHaveLength(6);
    // What is not there, or of other images than the result, is left out, as of runs before there was any.
    expect((await perturbationsOf(plan, runs, [0, 7], [2].map(shardOf))).size).toBe(0);
    expect((await perturbationsOf(plan, runs, [0], [0].map(shardOf))).size).toBe(0);
  });

  it('is made anew with the result of its shard where it is damaged', async () => {
    await runs.put(runKeys.perturbations('none', 0), found[2]!.records.sizes.slice(0, 50));
    const plan = { config: { variants: [{ id: 'none', mask: null }], threat: THREAT } };
    await expect(perturbationsOf(plan, runs, [0], [shardOf(2)])).rejects.toThrow(
      'perturbations/none/00000.json is damaged: delete it and shards/none/00000.json and run again',
    );
  });
});
