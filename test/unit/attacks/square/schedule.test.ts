import { describe, expect, it } from 'vitest';
import { bumpSide, squareShare, squareSide } from '../../../../src/attacks/square/proposal.ts';

/** First and last iteration of each stretch, with the sides the original has for 32x32 and 224x224 images. */
const SIDES = [
  [0, 10, 29, 200],
  [11, 50, 20, 142],
  [51, 200, 14, 100],
  [201, 500, 10, 71],
  [501, 1000, 7, 50],
  [1001, 2000, 5, 35],
  [2001, 4000, 4, 25],
  [4001, 6000, 3, 18],
  [6001, 8000, 2, 13],
  [8001, 50000, 1, 9],
] as const;

describe('the sides of squares', () => {
  it.each(SIDES)('from iteration %d to %d: %d pixels on CIFAR, %d on ImageNet', (first, last, cifar, imageNet) => {
    for (const iteration of [first, last]) {
      expect(squareSide(squareShare(iteration), [3, 32, 32])).toBe(cifar);
      expect(squareSide(squareShare(iteration), [3, 224, 224])).toBe(imageNet);
    }
  });

  it('are odd and at least 3 where squares are bumps', () => {
    const sides = SIDES.map(([first]) => bumpSide(squareShare(first), [3, 32, 32]));
    expect(sides).toEqual([29, 21, 15, 11, 7, 5, 5, 3, 3, 3]);
  });

  it('are no longer than the image', () => {
    expect(squareSide(0.8, [3, 8, 100])).toBe(8);
    expect(bumpSide(0.8, [3, 8, 100])).toBe(8);
    expect(bumpSide(0.001, [3, 2, 2])).toBe(2);
    expect(squareSide(0.001, [3, 10, 10])).toBe(1);
  });

  it('round halves to even, as Python does', () => {
    expect(squareSide(0.25, [1, 5, 5])).toBe(2);
    expect(squareSide(0.25, [1, 7, 7])).toBe(4);
  });
});
