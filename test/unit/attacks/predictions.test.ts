import { describe, expect, it } from 'vitest';
import { otherClasses, predictedClass } from '../../../src/attacks/core/predictions.ts';

describe('predictedClass', () => {
  const logits = Float32Array.of(/**/ 1, 3, 2, /**/ 2, 1, 2, /**/ -1, Number.NaN, 5, /**/ -3, -2, -9);

  it.each([
    [0, 1],
    [1, 0],
    [2, 1],
    [3, 1],
  ])('row %d is class %d: the first of the largest, NaN counting as largest', (row, predicted) => {
    expect(predictedClass(logits, row, 3)).toBe(predicted);
  });
});

describe('otherClasses', () => {
  it('come by falling logit, the higher class first among equals, the label left out', () => {
    expect(otherClasses(Float32Array.of(/**/ 9, 9, 9, 9, /**/ 1, 7, 3, 3), 1, 4, 1)).toEqual([3, 2, 0]);
  });
});
