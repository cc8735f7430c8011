import { describe, expect, it } from 'vitest';
import { RankingError } from '../../../../src/errors.ts';
import { cosinesOf } from '../../../../src/ranking/cdir/cdir.ts';

const embeddings = (...rows: readonly (readonly [number, number])[]) => {
  return { count: rows.length, size: 2, data: Float32Array.from(rows.flat()) };
};

describe('cosines of images and texts', () => {
  it('are those of their directions', () => {
    const cosines = cosinesOf(embeddings([3, 4], [0, 2]), embeddings([1, 0]));
    expect([...cosines]).toEqual([Math.fround(0.6), 0]);
  });

  it.each([[[0, 0]], [[Number.NaN, 1]], [[Number.POSITIVE_INFINITY, 1]]] as const)('are refused for %s', (row) => {
    expect(() => cosinesOf(embeddings([1, 2], row), embeddings([1, 0]))).toThrow(RankingError);
    expect(() => cosinesOf(embeddings([1, 2]), embeddings(row))).toThrow(/probe image 0 or concept 0 .* zeros, NaN/);
  });
});
