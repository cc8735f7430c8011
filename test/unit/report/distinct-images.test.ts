import { describe, expect, it } from 'vitest';
import { wilsonInterval } from '../../../src/numeric/statistics.ts';
import { aggregate } from '../../../src/report/aggregate.ts';
import { distinctImages } from '../../../src/report/summary/distinct-images.ts';
import { makeRun, NONE } from './fixture.ts';

describe('copies of images', () => {
  it('64 images of which 4 are distinct tell as much as 4', () => {
    const copies = [0, 1, 2, 3].map((first) => Array.from({ length: 16 }, (_, i) => first + 4 * i));
    const images = Array.from({ length: 64 }, (_, image) => image);
    expect(distinctImages(images, copies)).toEqual({ places: [0, 1, 2, 3], effective: 4 });
    expect(distinctImages(images, [])).toEqual({ places: images, effective: 64 });
    // Of the images a report covers, some copies may be missing.
    expect(distinctImages([0, 1, 2], copies)).toEqual({ places: [0, 1, 2], effective: 3 });
    // One image three times, one once: 16 / (9 + 1).
    expect(distinctImages([0, 1, 2, 3], [[0, 1, 2]])).toEqual({ places: [0, 3], effective: 1.6 });
  });

  it('widen the intervals of a report, and move no accuracy', () => {
    const { facts, shards, transfers } = makeRun({ variants: [NONE], images: 8 });
    const copies = [0, 1, 2, 3].map((first) => [first, first + 4]);
    const [plain, copied] = [aggregate(facts, shards, transfers), aggregate({ ...facts, copies }, shards, transfers)];
    const [before, after] = [plain.variants[0]!, copied.variants[0]!];
    expect(after.clean.accuracy).toBe(before.clean.accuracy);
    expect(after.clean.interval).toEqual(wilsonInterval(before.clean.correct / 2, 4));
    expect(after.attacks[0]!.interval).not.toEqual(before.attacks[0]!.interval);
    expect(copied.run).toMatchObject({ distinctImages: 4, effectiveImages: 4 });
    expect(plain.run.distinctImages).toBeUndefined();
  });
});
