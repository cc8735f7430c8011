import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DefendOptions, defend, type OpenModel, rankUnits, readImages } from '../../../src/index.ts';
import { scratch, writeJson } from '../../support/cli.ts';
import { lettersTokenizer } from '../../support/clip.ts';
import { largestError, rowErrors } from '../../support/golden.ts';
import { demoModel, expectRefusal, fixture, scoresOfMasks, testImages } from './support.ts';

/** As in make_shapes10_goldens.py. */
const [IMAGES, GRADIENTS, PROBE, KEEP] = [16, 4, 200, 12];

const folder = scratch();
let model: OpenModel;
let probe: Awaited<ReturnType<typeof readImages>>;
let test10: Awaited<ReturnType<typeof readImages>>;
beforeAll(async () => {
  model = await demoModel();
  probe = await readImages('examples/demo/train.bin', { count: PROBE, split: 'train' });
  test10 = await testImages(IMAGES);
});
afterAll(async () => {
  await model.release();
  folder.remove();
});

describe('rankUnits', () => {
  test.each([
    ['layer4', 'scores', false],
    ['layer4', 'signed', true],
    ['layer3', 'scores', false],
  ] as const)('by leave-one-out importance of %s is brute force in PyTorch: %s', async (layer, name, signed) => {
    const { images, labels } = probe;
    const seen: number[] = [];
    const onProgress = (done: number) => seen.push(done);
    const ranking = await rankUnits(model, {
      layer,
      method: 'loir',
      images,
      labels,
      signed,
      batchSize: 64,
      onProgress,
    });
    const expected = fixture(`${layer}.${name}`);
    const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    const errors = ranking.scores.map((score, i) => Math.abs(score - (expected[i] ?? Number.NaN)));
    expect(Math.max(...errors)).toBeLessThan(1e-3 * largest);
    expect(ranking).toMatchObject({ layer, method: 'loir', classes: 10, units: expected.length / 10 });
    expect(ranking.diagnostics.degenerate).toBe(false);
    expect(seen).toEqual([64, 128, 192, 200]);
  });

  test('by chance is that of the seed', async () => {
    const rank = (seed: number) => rankUnits(model, { layer: 'layer4', method: 'random', seed });
    expect((await rank(1)).scores).toEqual((await rank(1)).scores);
    expect((await rank(1)).scores).not.toEqual((await rank(2)).scores);
  });

  test('by CLIP compares units with the names of the classes', async () => {
    const names = ['circle', 'ring', 'square', 'triangle', 'star', 'cross', 'rows', 'columns', 'checkers', 'dots'];
    const tokenizer = writeJson(folder.path('tokenizer.json'), lettersTokenizer());
    const clip = { model: 'test/fixtures/clip/clip.pt', tokenizer, classNames: names };
    const { images, labels } = probe;
    const ranking = await rankUnits(model, { layer: 'layer4', method: 'cdir', images, labels, clip });
    expect(ranking.scores).toHaveLength(640);
    expect(ranking.scores.every(Number.isFinite)).toBe(true);
    await expectRefusal(
      () => rankUnits(model, { layer: 'layer4', method: 'cdir', images, labels, clip: { ...clip, classNames: ['a'] } }),
      /give 10 names/,
    );
  });

  test('stops between two batches', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { images, labels } = probe;
    const ranked = rankUnits(model, {
      ...{ layer: 'layer4', method: 'loir', images, labels, batchSize: 16, signal: controller.signal },
      onProgress: () => controller.abort(reason),
    });
    await expect(ranked).rejects.toBe(reason);
  });

  test.each([
    ['an unknown layer', { layer: 'layer9' }, /layer "layer9" is not in CIFAR ResNet-18/],
    ['an unknown method', { method: 'lo-ir' }, /method is "lo-ir": give one of loir, cdir, random/],
    ['no images', { images: undefined }, /images are undefined/],
    [
      'pixels of bytes',
      { images: new Float32Array(3072).fill(255), labels: [1] },
      /hold 255 at 0: values are to be in \[0, 1\]/,
    ],
    ['an option of another method', { seed: 3 }, /"seed" is for method "random", not for "loir"/],
    ['too many units', { importantUnits: 65 }, /layer4 has only 64 units/],
  ])('refuses %s', (_, changes, message) => {
    const { images, labels } = probe;
    const options = { layer: 'layer4', method: 'loir', images, labels, ...changes };
    return expectRefusal(() => Reflect.apply(rankUnits, undefined, [model, options]), message);
  });
});

const CASES: Record<string, Omit<DefendOptions, 'ranking' | 'importantUnits'>> = {
  'layer4.loir': { layer: 'layer4' },
  'layer4.conf': { layer: 'layer4', kind: 'confidence', threshold: 0.5, temperature: 1 },
  'layer3.loir': { layer: 'layer3' },
  'layer3.conf': { layer: 'layer3', kind: 'confidence', threshold: 0.5, temperature: 1 },
};

describe.each(Object.entries(CASES))('defend: %s', (name, options) => {
  let defended: OpenModel;
  beforeAll(() => {
    const ranking = { scores: scoresOfMasks(options.layer ?? '') };
    defended = defend(model, { ...options, ranking, importantUnits: KEEP });
  });
  afterAll(() => defended.release());

  test('logits are those of PyTorch within 1e-4', async () => {
    expect(largestError(await defended.logits(test10.images), fixture(`${name}.logits`))).toBeLessThan(1e-4);
  });

  test('gradients see through both passes', async () => {
    const [x, labels] = [test10.images.slice(0, GRADIENTS * 3072), test10.labels.slice(0, GRADIENTS)];
    const { gradient } = await defended.gradient({ x, labels });
    const errors = rowErrors(gradient, fixture(`${name}.gradient`), GRADIENTS);
    expect(errors.filter((error) => error < 1e-3).length).toBeGreaterThanOrEqual(GRADIENTS - 1);
  });
});

describe('defend', () => {
  const masked = (changes: object = {}) =>
    Reflect.apply(defend, undefined, [
      model,
      { layer: 'layer4', ranking: { scores: scoresOfMasks('layer4') }, importantUnits: KEEP, ...changes },
    ]);

  test('by a ranking of its own, and leaves the model as it is', async () => {
    const { images, labels } = probe;
    const ranking = await rankUnits(model, { layer: 'layer4', method: 'loir', images, labels });
    await using defended = defend(model, { ranking, importantUnits: KEEP });
    expect(largestError(await defended.logits(test10.images), fixture('layer4.loir.logits'))).toBeLessThan(1e-4);
    expect(largestError(await model.logits(test10.images), fixture('base.logits'))).toBeLessThan(1e-4);
  });

  test('outlives the model it was made from', async () => {
    const base = await demoModel();
    await using defended = defend(base, {
      ...{ layer: 'layer4', importantUnits: KEEP, ranking: { scores: scoresOfMasks('layer4') } },
    });
    await base.release();
    expect(largestError(await defended.logits(test10.images), fixture('layer4.loir.logits'))).toBeLessThan(1e-4);
  });

  test('smoothed draws noise by seed and index of the image, not by its place', async () => {
    await using smoothed = masked({ smoothing: { samples: 2, sigma: 0.25 }, temperature: 1 });
    expect(smoothed.randomised).toBe(true);
    const whole = await smoothed.logits(test10.images, { seed: 7 });
    const last = await smoothed.logits(test10.images.slice(-3072), { seed: 7, indices: [IMAGES - 1] });
    expect(largestError(last, whole.slice(-10))).toBeLessThan(1e-5);
    expect(largestError(await smoothed.logits(test10.images, { seed: 8 }), whole)).toBeGreaterThan(1e-3);
    expect(largestError(await smoothed.logits(test10.images, { seed: 7, batchSize: 5 }), whole)).toBeLessThan(1e-5);
  });

  test.each([
    ['scores of another layer', { layer: 'layer3' }, /give a Float32Array \[32, 10\] for the units of layer3/],
    [
      'a ranking that says it is of another layer',
      { ranking: { scores: new Float32Array(640), layer: 'layer1' } },
      /is of layer1, not of layer4/,
    ],
    ['more units than there are', { importantUnits: 65 }, /only 64 units/],
    ['confidence without a threshold', { kind: 'confidence' }, /threshold is undefined/],
    ['a threshold that does nothing', { threshold: 0.5 }, /"threshold" is for kind "confidence"/],
    ['no such kind', { kind: 'soft' }, /kind is "soft"/],
    ['a temperature of 0', { temperature: 0 }, /temperature is 0/],
    ['noise without a size', { smoothing: { samples: 2 } }, /smoothing.sigma is undefined/],
    ['a misspelt option', { importantUnit: 3 }, /no option "importantUnit"/],
  ])('refuses %s', (_, changes, message) => expectRefusal(() => masked(changes), message));

  test('refuses what is no model of ours', () =>
    expectRefusal(() => Reflect.apply(defend, undefined, [{}, {}]), /the model is an object/));
});
