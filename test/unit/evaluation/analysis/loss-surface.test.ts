import { describe, expect, test } from 'vitest';
import type { AttackedModel } from '../../../../src/attacks/core/attack.ts';
import { crossEntropy, lossSurface, stepsWithin } from '../../../../src/evaluation/analysis/loss-surface.ts';
import { attackedModel, equidistantClassifier, linearClassifier } from '../../../support/linear-model.ts';

const SIZE = 24;
const CLASSIFIER = equidistantClassifier(4, SIZE);
const X = Float32Array.from({ length: SIZE }, (_, k) => 0.45 + 0.004 * k);
const LABEL = 2;

const options = (norm: 'Linf' | 'L2', changes = {}) => ({
  threat: { norm, epsilon: 0.1 },
  points: 7,
  seed: 3,
  batchSize: 5,
  ...changes,
});

/** The model, telling of every batch whose logits it is asked for. */
function recording(model: AttackedModel, tell: (x: Float32Array) => void): AttackedModel {
  return {
    ...model,
    logits(x, streams) {
      tell(x);
      return model.logits(x, streams);
    },
  };
}

describe('loss surface', () => {
  test.each(['Linf', 'L2'] as const)('is the loss at x + a g + b r, by hand (%s)', async (norm) => {
    // Every point the model is asked about, to be read as directions.
    const asked: Float32Array[] = [];
    const model = attackedModel(CLASSIFIER);
    const watched = recording(model, (x) => asked.push(x));
    const { steps, loss, prediction, zeroGradient } = await lossSurface(
      watched,
      { x: X, label: LABEL, image: 9 },
      options(norm),
    );
    expect(zeroGradient).toBe(false);
    expect(steps).toEqual(stepsWithin(0.1, 7));
    expect(asked.map(({ length }) => length / SIZE)).toEqual([5, 5, 5, 5, 5, 5, 5, 5, 5, 4]);
    const points = Float32Array.from(asked.flatMap((rows) => [...rows]));
    const pointAt = (row: number, column: number) =>
      points.subarray((row * 7 + column) * SIZE, (row * 7 + column + 1) * SIZE);
    const { gradient } = await model.gradient('ce', { x: X, labels: Int32Array.of(LABEL) }, [
      { normal: () => 0, uniform: () => 0, integer: () => 0 },
    ]);
    const length = norm === 'Linf' ? 1 : Math.sqrt(SIZE);
    for (let row = 0; row < 7; row++)
      for (let column = 0; column < 7; column++) {
        const point = pointAt(row, column);
        for (let k = 0; k < SIZE; k++) {
          const random = (pointAt(3, 6)[k]! - X[k]!) / 0.1;
          expect(Math.abs(random)).toBeCloseTo(1 / length, 5);
          const along = (steps[row]! * Math.sign(gradient[k]!)) / length;
          expect(point[k]).toBeCloseTo(X[k]! + along + steps[column]! * random, 5);
        }
        const logits = CLASSIFIER.logits([...point]);
        const direct = Math.log(logits.reduce((sum, z) => sum + Math.exp(z - logits[LABEL]!), 0));
        expect(loss[row]?.[column]).toBeCloseTo(direct, 4);
        expect(prediction[row]?.[column]).toBe(logits.indexOf(Math.max(...logits)));
      }
    // The image itself is in the middle; cross-entropy of a linear model rises along the sign of its gradient.
    expect([...pointAt(3, 3)]).toEqual([...X]);
    const middle = loss.map((row) => row[3]!);
    expect(middle).toEqual([...middle].sort((a, b) => a - b));
  });

  test('has the same random direction for another model, and stays in [0, 1]', async () => {
    const seen = await Promise.all(
      [CLASSIFIER, equidistantClassifier(3, SIZE)].map(async (classifier) => {
        const asked: number[] = [];
        const model = attackedModel(classifier);
        const watched = recording(model, (x) => asked.push(...x));
        await lossSurface(
          watched,
          { x: X, label: 0, image: 1 },
          options('Linf', { points: 3, threat: { norm: 'Linf', epsilon: 0.6 } }),
        );
        return asked;
      }),
    );
    for (const values of seen) expect(Math.min(...values) >= 0 && Math.max(...values) <= 1).toBe(true);
    const [a, b] = seen.map((values) => values.slice(5 * SIZE, 6 * SIZE));
    expect(a).toEqual(b);
  });

  test('says where there is no gradient: rows are all the same then', async () => {
    const constant = attackedModel(linearClassifier([Array(SIZE).fill(0), Array(SIZE).fill(0)], [1, 0]));
    const { loss, zeroGradient } = await lossSurface(constant, { x: X, label: 0, image: 1 }, options('Linf'));
    expect(zeroGradient).toBe(true);
    expect(loss).toEqual(loss.map(() => loss[0]));
  });

  test('takes a gradient that is no number for none', async () => {
    const model = attackedModel(CLASSIFIER);
    const broken: AttackedModel = {
      ...model,
      async gradient(loss, batch, streams) {
        const answer = await model.gradient(loss, batch, streams);
        return { ...answer, gradient: answer.gradient.with(3, Number.NaN) };
      },
    };
    const { loss, zeroGradient } = await lossSurface(broken, { x: X, label: 0, image: 1 }, options('Linf'));
    expect(zeroGradient).toBe(true);
    expect(loss.flat().every(Number.isFinite)).toBe(true);
    expect(loss).toEqual(loss.map(() => loss[0]));
  });

  test('cross-entropy stays finite for logits as a sharp model has them', () => {
    expect(crossEntropy(Float32Array.of(1000, 0), 0)).toBe(0);
    expect(crossEntropy(Float32Array.of(1000, 0), 1)).toBe(1000);
    expect(crossEntropy(Float32Array.of(1, 1), 1)).toBeCloseTo(Math.log(2), 12);
  });
});
