import { describe, expect, it } from 'vitest';
import type { MeteredModel } from '../../../src/evaluation/onnx-model.ts';
import { evaluateQuantised, type FoundExample } from '../../../src/evaluation/quantised.ts';
import { attackedModel, linearClassifier, type ModelOptions } from '../../support/linear-model.ts';

const STEP = 1 / 255;
/** Class 1 from a mean of 100.4 bytes on: bytes of 100 and 101 lie on either side. */
const LINEAR = linearClassifier(
  [
    [0, 0],
    [255, 255],
  ],
  [0, -200.8],
);

function model(options: ModelOptions = {}, logits = LINEAR.logits): MeteredModel {
  return {
    ...attackedModel({ ...LINEAR, logits }, options),
    usage: { forwards: 0, gradients: 0, runtimeSeconds: 0 },
  };
}

const bytes = (...values: number[]) => Float32Array.from(values, (value) => value * STEP);
const example = (image: number, x: Float32Array, clean = bytes(100, 100)): FoundExample => {
  return { image, label: 0, brokenBy: 'apgd-ce', x, clean };
};
const evaluate = (examples: readonly FoundExample[], subject = model(), epsilon = STEP) =>
  evaluateQuantised(subject, examples, {
    bits: 8,
    threat: { norm: 'Linf', epsilon },
    seed: 3,
    batchSize: 2,
  });

describe('adversarial examples as files of images hold them', () => {
  it('are right again where rounding takes them back, wrong where it does not', async () => {
    const found = await evaluate([
      // Wrong by less than half a byte: 100.45 is 100 in a file.
      example(4, bytes(100.45, 100.45)),
      example(7, bytes(101, 101)),
      // Both round to the far side.
      example(9, bytes(100.9, 100.6)),
    ]);
    expect(found).toEqual({ bits: 8, right: [4], outside: 0, offGrid: 0 });
  });

  it('of nothing are nothing', async () => {
    expect(await evaluate([])).toEqual({ bits: 8, right: [], outside: 0, offGrid: 0 });
  });

  it('that rounding takes beyond epsilon are counted, and so are images that are no bytes themselves', async () => {
    const found = await evaluate(
      [example(0, bytes(100.7, 100.7)), example(1, bytes(100.6, 100.6), bytes(100.2, 100))],
      model(),
      0.75 * STEP,
    );
    expect(found).toEqual({ bits: 8, right: [], outside: 2, offGrid: 1 });
  });

  it('of which the model then says nothing are named, and are not right', async () => {
    const nan = model({}, (x) => (x[0] === Math.fround(100 * STEP) ? [Number.NaN, 0] : LINEAR.logits(x)));
    expect(await evaluate([example(5, bytes(100.45, 100.45))], nan)).toMatchObject({ right: [], unpredicted: [5] });
  });

  it('meet the noise that they were found with, whatever the batch', async () => {
    const noisy = model({ noise: STEP });
    const examples = Array.from({ length: 12 }, (_, image) => example(image, bytes(101, 100)));
    const whole = await evaluate(examples, noisy);
    expect(whole.right.length).toBeGreaterThan(0);
    expect(whole.right.length).toBeLessThan(12);
    const parts = [await evaluate(examples.slice(0, 5), noisy), await evaluate(examples.slice(5), noisy)];
    expect(parts.flatMap(({ right }) => right)).toEqual(whole.right);
  });
});
