import { describe, expect, it } from 'vitest';
import { isMisclassified, NO_PREDICTION, otherClasses, predictedClass } from '../../../src/attacks/core/predictions.ts';

const { NaN: NAN, POSITIVE_INFINITY: INFINITY, NEGATIVE_INFINITY } = Number;

describe('predictedClass', () => {
  it.each([
    [[1, 3, 2], 1],
    [[2, 1, 2], 0],
    [[-3, -2, -9], 1],
  ])('%s is class %d: the first of the largest', (logits, predicted) => {
    expect(predictedClass(Float32Array.of(9, 9, 9, ...logits), 1, 3)).toBe(predicted);
  });

  it.each([[[-1, NAN, 5]], [[NAN, NAN, NAN]], [[INFINITY, 0, 1]], [[0, NEGATIVE_INFINITY, 1]]])(
    '%s is no prediction',
    (logits) => {
      expect(predictedClass(Float32Array.of(1, 2, 3, ...logits), 1, 3)).toBe(NO_PREDICTION);
      expect(predictedClass(Float32Array.of(1, 2, 3, ...logits), 0, 3)).toBe(2);
    },
  );
});

describe('isMisclassified', () => {
  it('is of a prediction of another class, and of no prediction not', () => {
    expect([0, 1].map((label) => isMisclassified(Float32Array.of(1, 2), label))).toEqual([true, false]);
    expect([0, 1].map((label) => isMisclassified(Float32Array.of(NAN, 2), label))).toEqual([false, false]);
  });
});

describe('otherClasses', () => {
  it('come by falling logit, the higher class first among equals, the label left out', () => {
    expect(otherClasses(Float32Array.of(/**/ 9, 9, 9, 9, /**/ 1, 7, 3, 3), 1, 4, 1)).toEqual([3, 2, 0]);
  });

  it('put logits that are no numbers last', () => {
    const logits = Float32Array.of(NAN, 4, NEGATIVE_INFINITY, 7, INFINITY, NAN, 5);
    expect(otherClasses(logits, 0, 7, 1)).toEqual([4, 3, 6, 5, 2, 0]);
  });
});
