import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkGradient, defend, GRADIENT_RULES, type OpenModel, openModel, perInput } from '../../../src/index.ts';
import { rowErrors } from '../../support/golden.ts';
import { CHECKPOINT, demoModel, expectRefusal, fixture, scoresOfMasks, testImages } from './support.ts';

/** As wrong as can be without failing: Relu lets every gradient through. */
const WRONG = { ...GRADIENT_RULES, Relu: perInput(({ dy }) => dy) };

let images: Float32Array;
let labels: Int32Array;
beforeAll(async () => {
  ({ images, labels } = await testImages(2));
});

describe('checkGradient', () => {
  let model: OpenModel;
  beforeAll(async () => {
    model = await demoModel();
  });
  afterAll(() => model.release());

  test('passes the package’s rules', async () => {
    const report = await checkGradient(model, images);
    expect(report).toMatchObject({ ok: true, suspects: [] });
  });

  test('names the op whose rule is wrong, where a model is opened with it', async () => {
    await using wrong = await openModel(CHECKPOINT, { rules: WRONG });
    const report = await checkGradient(wrong, images, { directions: 2 });
    expect(report.ok).toBe(false);
    expect(new Set(report.suspects.map(({ op }) => op))).toEqual(new Set(['Relu']));
  });

  test('looks through a defence, and refuses noise', async () => {
    const masks = { layer: 'layer4', ranking: { scores: scoresOfMasks('layer4') }, importantUnits: 12, temperature: 1 };
    await using defended = defend(model, masks);
    expect((await checkGradient(defended, images, { directions: 1 })).ok).toBe(true);
    await using smoothed = defend(model, { ...masks, smoothing: { samples: 2, sigma: 0.1 } });
    await expectRefusal(() => checkGradient(smoothed, images), /randomised model/);
  });
});

test('rules of one’s own are those that gradients are computed by, behind a defence too', async () => {
  await using wrong = await openModel(CHECKPOINT, { rules: WRONG });
  const { gradient } = await wrong.gradient({ x: images, labels });
  expect(Math.min(...rowErrors(gradient, fixture('base.gradient').slice(0, gradient.length), 2))).toBeGreaterThan(0.1);
  const masks = { layer: 'layer4', ranking: { scores: scoresOfMasks('layer4') }, importantUnits: 12 };
  await using defended = defend(wrong, masks);
  const behind = await defended.gradient({ x: images, labels });
  const expected = fixture('layer4.loir.gradient').slice(0, gradient.length);
  expect(Math.min(...rowErrors(behind.gradient, expected, 2))).toBeGreaterThan(0.1);
});
