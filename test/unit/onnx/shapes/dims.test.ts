import { describe, expect, it } from 'vitest';
import type { Dim } from '../../../../src/onnx/graph.ts';
import {
  add,
  atMost,
  broadcast,
  compare,
  divide,
  multiply,
  product,
  subtract,
} from '../../../../src/onnx/shapes/dims.ts';

const N: Dim = { batch: 1 };
const twoN: Dim = { batch: 2 };

describe('arithmetic on dimensions', () => {
  it('adds and subtracts multiples of the batch, and nothing else', () => {
    expect(add(N, twoN)).toEqual({ batch: 3 });
    expect(add(N, 0)).toBe(N);
    expect(add(N, 1)).toBeUndefined();
    expect(subtract(twoN, N)).toEqual(N);
    expect(subtract(N, N)).toBe(0);
    expect(subtract(3, N)).toBeUndefined();
  });

  it('multiplies by whole numbers', () => {
    expect(multiply(N, 3)).toEqual({ batch: 3 });
    expect(multiply(0, N)).toBe(0);
    expect(multiply(N, N)).toBeUndefined();
    expect(multiply(N, 0.5)).toBeUndefined();
    expect(product([2, N, 5])).toEqual({ batch: 10 });
    expect(product([0, N])).toBe(0);
    expect(product([])).toBe(1);
  });

  it('divides where the quotient is whole', () => {
    expect(divide(twoN, 2)).toEqual(N);
    expect(divide(twoN, N)).toBe(2);
    expect(divide(N, 2)).toBeUndefined();
    expect(divide(6, N)).toBeUndefined();
    expect(divide(6, 4)).toBeUndefined();
    expect(divide(1, 0)).toBeUndefined();
  });

  it('compares what has one order for every batch size', () => {
    expect(compare(twoN, N)).toBe(1);
    expect(compare(twoN, 1)).toBe(1);
    expect(compare(0, N)).toBe(-1);
    expect(compare(-1, N)).toBe(-1);
    expect(compare(N, 1)).toBeUndefined();
    expect(compare(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toBe(0);
    expect([atMost(1, N), atMost(2, N), atMost(N, twoN), atMost(N, 8)]).toEqual([true, false, true, false]);
  });

  it('broadcasts from the last dimension', () => {
    expect(broadcast([N, 1, 4], [3, 1])).toEqual([N, 3, 4]);
    expect(broadcast([1], [N, 2])).toEqual([N, 2]);
    expect(broadcast([], [])).toEqual([]);
    expect(broadcast([N], [2])).toBeUndefined();
    expect(broadcast([N], [twoN])).toBeUndefined();
  });
});
