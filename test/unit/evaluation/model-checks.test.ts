import { expect, test } from 'vitest';
import { checkModel } from '../../../src/evaluation/model-checks.ts';
import { attackedModel, linearClassifier } from '../../support/linear-model.ts';

/** A linear model of two classes on two images, without noise or with as much. */
async function isRandomised(weights: readonly (readonly number[])[], noise: number): Promise<boolean> {
  const usage = { forwards: 0, gradients: 0, runtimeSeconds: 0 };
  const model = { ...attackedModel(linearClassifier(weights), { noise }), usage };
  const points = { x: Float32Array.of(0.9, 0.1, 0.2, 0.8), labels: Int32Array.of(1, 0), images: [0, 1] };
  const logits = Float32Array.of(0, 0.8, 0, -0.6);
  return (await checkModel(model, { ...points, logits }, { seed: 0, batchSize: 2 })).randomised;
}

/** Logits [0, z]: scaled to length 1, as AutoAttack compares them, they are a sign. */
const ONE_OUTPUT = [
  [0, 0],
  [1, -1],
];

test('noise that moves the one output of a model is seen, though it turns no prediction', async () => {
  expect(await isRandomised(ONE_OUTPUT, 0.05)).toBe(true);
  // The model whose outputs the points have, to the last bits.
  expect(await isRandomised(ONE_OUTPUT, 0)).toBe(false);
});
