import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockAfter, blockAt, WHOLE_IMAGE } from '../../../../src/attacks/rays/rays.ts';

describe('the blocks of RayS', () => {
  it('are those of the original for 10 numbers', () => {
    const blocks: [number, number][] = [];
    for (let place = WHOLE_IMAGE; blocks.length < 20; place = blockAfter(place, 10)) {
      const { start, end } = blockAt(place, 10);
      blocks.push([start, end]);
    }
    // Levels of 1, 2, 4, 8 and 16 blocks of ceil(10 / blocks) numbers; a level ends where the image does.
    const level = (size: number) => Array.from({ length: 10 / size }, (_, i) => [i * size, (i + 1) * size]);
    const quarters = [
      [0, 3],
      [3, 6],
      [6, 9],
      [9, 10],
    ];
    expect(blocks).toEqual([...level(10), ...level(5), ...quarters, ...level(2), ...level(1)].slice(0, 20));
  });

  it('cover the image once a level, whatever its size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), (imageSize) => {
        let expectedStart = 0;
        for (let place = WHOLE_IMAGE; place.level < 8; place = blockAfter(place, imageSize)) {
          const { start, end } = blockAt(place, imageSize);
          expect(start).toBe(expectedStart);
          expect(end).toBeGreaterThan(start);
          expect(end - start).toBeLessThanOrEqual(Math.ceil(imageSize / 2 ** place.level));
          expectedStart = end === imageSize ? 0 : end;
        }
      }),
      { numRuns: 20, seed: 1 },
    );
  });
});
