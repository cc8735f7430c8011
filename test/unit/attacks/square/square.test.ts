import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttackedModel } from '../../../../src/attacks/core/attack.ts';
import { clipToThreat } from '../../../../src/attacks/norms/threat-model.ts';
import { square } from '../../../../src/attacks/square/square.ts';
import { attackedModel, equidistantClassifier } from '../../../support/linear-model.ts';
import { interrupted } from '../interrupted.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, selected } from '../support.ts';

const SIDE = 8;
const IMAGE_SIZE = SIDE * SIDE;
/** Two classes: weights differ by 2 in half of the coordinates, whole columns of the image. */
const classifier = equidistantClassifier(2, IMAGE_SIZE);
const model: AttackedModel = { ...attackedModel(classifier), imageShape: [1, SIDE, SIDE] };
const images = interiorImages(3, 60, IMAGE_SIZE);
const points = pointsOf(classifier, images);
const attack = square({ name: 'square', queries: 800, restarts: 1 });

/**
 * Norm of the difference of weights that is dual to the threat's, and the share of the radius within which all points are
 * found: squares cannot follow the weights everywhere (the last row and column keep their first values, a bump has a
 * hill and a valley).
 */
const CASES = [
  { norm: 'Linf', epsilon: 0.015, dual: 64, sure: 0.6 },
  { norm: 'L2', epsilon: 0.09, dual: 2 * Math.sqrt(32), sure: 0.5 },
  { norm: 'L1', epsilon: 0.6, dual: 2, sure: 0.6 },
] as const;

describe.each(CASES)('Square on a linear classifier, $norm', ({ norm, epsilon, dual, sure }) => {
  const threat = { norm, epsilon };
  /** Distance to the boundary in units of epsilon. */
  const margin = (row: number) => {
    const [first, second] = classifier.logits(images[row]!);
    return Math.abs(first! - second!) / (epsilon * dual);
  };

  it('breaks the points whose margin allows it well, and none whose margin forbids it', async () => {
    const found = brokenImages(points, await attack.run(points, contextOf(model, threat)));
    const easy = points.images.filter((row) => margin(row) < sure);
    expect(easy.length).toBeGreaterThan(20);
    expect(found).toEqual(expect.arrayContaining(easy));
    expect(points.images.filter((row) => margin(row) > 1.0001).length).toBeGreaterThan(4);
    expect(found.filter((row) => margin(row) > 1.0001)).toEqual([]);
  });

  it('gives examples within the threat model, to the bit', async () => {
    const { x, broken } = await attack.run(points, contextOf(model, threat));
    for (const row of points.images.filter((each) => broken[each] === 1)) {
      const candidate = imageOf(x, row, IMAGE_SIZE);
      const clipped = candidate.slice();
      clipToThreat(clipped, imageOf(points.x, row, IMAGE_SIZE), threat);
      expect(clipped).toEqual(candidate);
    }
  });

  it('is gone on with after a kill as if nothing had happened', async () => {
    const some = selected(points, [...Array(8).keys()], IMAGE_SIZE);
    const short = square({ name: 'square', queries: 150, restarts: 2 });
    const context = { ...contextOf(model, threat), batchSize: 3 };
    const undisturbed = await short.run(some, context);
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 300 }), async (evaluations) => {
        const { x, broken } = await interrupted(short, some, context, evaluations);
        expect(x).toEqual(undisturbed.x);
        expect(broken).toEqual(undisturbed.broken);
      }),
      { numRuns: 12, seed: 1 },
    );
  });
});

describe('a proposal that changes nothing', () => {
  const threat = { norm: 'Linf', epsilon: 0.015 } as const;
  const run = async (randomised: boolean) => {
    let forwards = 0;
    const logits: AttackedModel['logits'] = (x, streams) => {
      forwards += streams.length;
      return model.logits(x, streams);
    };
    const found = await attack.run(points, contextOf({ ...model, randomised, logits }, threat));
    return { x: found.x, broken: found.broken, forwards };
  };

  it('is not put to a model that gives the same answer twice, with the same outcome', async () => {
    const [all, fewer] = [await run(true), await run(false)];
    expect(fewer.broken).toEqual(all.broken);
    expect(fewer.x).toEqual(all.x);
    expect(fewer.forwards).toBeLessThan(0.9 * all.forwards);
  });
});
