import { describe, expect, it } from 'vitest';
import { fab } from '../../../../src/attacks/fab/fab.ts';
import { distance, isWithinThreat } from '../../../../src/attacks/norms/threat-model.ts';
import { attackedModel, equidistantClassifier, linearClassifier } from '../../../support/linear-model.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, relativeMargin } from '../support.ts';

const CLASSES = 6;
const IMAGE_SIZE = 40;
/** Radii at which about half the points can be broken; too small for [0, 1] to matter. */
const EPSILON = { Linf: 0.006, L2: 0.03, L1: 0.12 };
/** FAB ends a little behind the boundary: a step from nine tenths of the way overshoots by a twentieth of the rest. */
const OVERSHOOT = 6e-3;

const classifier = equidistantClassifier(CLASSES, IMAGE_SIZE);
const model = attackedModel(classifier);

describe.each(['Linf', 'L2', 'L1'] as const)('FAB on a linear classifier, %s', (norm) => {
  const threat = { norm, epsilon: EPSILON[norm] };
  const margin = (image: readonly number[]) => relativeMargin(classifier, image, norm, threat.epsilon);
  const images = interiorImages(2, 60, IMAGE_SIZE).filter(
    (image) => margin(image) < 1 - OVERSHOOT || margin(image) > 1 + 1e-5,
  );
  const points = pointsOf(classifier, images);
  const breakable = points.images.filter((row) => margin(images[row]!) < 1);

  it('has points on both sides', () => {
    expect(breakable.length).toBeGreaterThan(15);
    expect(images.length - breakable.length).toBeGreaterThan(15);
  });

  it.each([
    { name: 'fab', targeted: false, restarts: 1 },
    { name: 'fab-t', targeted: true, restarts: 1 },
    { name: 'fab, a random start too', targeted: false, restarts: 2 },
  ])('$name breaks exactly the points whose margin allows it', async (options) => {
    const attack = fab({ ...options, iterations: 40 });
    for (const examples of ['first', 'last'] as const) {
      const found = await attack.run(points, contextOf(model, threat, { examples, batchSize: 7 }));
      expect(brokenImages(points, found)).toEqual(breakable);
      for (const row of breakable) {
        const clean = imageOf(points.x, row, IMAGE_SIZE);
        expect(isWithinThreat(imageOf(found.x, row, IMAGE_SIZE), clean, threat)).toBe(true);
      }
    }
  });

  it('finds the nearest boundary, not just one within epsilon', async () => {
    const wide = { norm, epsilon: 1000 * threat.epsilon };
    const attack = fab({ name: 'fab', targeted: false, iterations: 40, restarts: 1 });
    const found = await attack.run(points, contextOf(model, wide, { examples: 'last' }));
    for (const row of points.images) {
      const clean = imageOf(points.x, row, IMAGE_SIZE);
      const length = distance(imageOf(found.x, row, IMAGE_SIZE), clean, norm) / threat.epsilon;
      expect(length / margin(images[row]!)).toBeGreaterThan(1 - 1e-5);
      expect(length / margin(images[row]!)).toBeLessThan(1 + OVERSHOOT);
    }
  });

  it('stays at the clean image, unbroken, where gradients are zero or not finite', async () => {
    for (const slope of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      const flat = {
        ...linearClassifier(
          [
            [0, 0],
            [0, 0],
          ],
          [1, 0],
        ),
        pullback: () => [slope, slope],
      };
      const dead = pointsOf(flat, [[0.2, 0.9]]);
      const attack = fab({ name: 'fab', targeted: false, iterations: 5, restarts: 1 });
      const found = await attack.run(dead, contextOf(attackedModel(flat), { norm, epsilon: 1 }));
      expect(brokenImages(dead, found)).toEqual([]);
      expect(found.x).toEqual(dead.x);
    }
  });
});

describe('FAB', () => {
  it('refuses a model of one class', async () => {
    const single = linearClassifier([[1, 2]]);
    const attack = fab({ name: 'fab', targeted: false, iterations: 5, restarts: 1 });
    const context = contextOf(attackedModel(single), { norm: 'L2', epsilon: 1 });
    await expect(attack.run(pointsOf(single, [[0.1, 0.2]]), context)).rejects.toThrow(
      /fab needs a model of at least 2/,
    );
  });

  it('aims at as many targets as there are wrong classes', () => {
    const attack = fab({ name: 'fab-t', targeted: true, iterations: 100, restarts: 2, targets: 9 });
    expect(attack.cost(10)).toEqual({ forwards: 18 * 87, gradients: 18 * 101 });
    expect(attack.cost(3)).toEqual({ forwards: 4 * 87, gradients: 4 * 101 });
    const untargeted = fab({ name: 'fab', targeted: false, iterations: 100, restarts: 5 });
    expect(untargeted.cost(10)).toEqual({ forwards: 5 * 87, gradients: 5 * 901 });
  });
});
