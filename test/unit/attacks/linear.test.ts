import { describe, expect, it } from 'vitest';
import { clipToThreat, distance } from '../../../src/attacks/norms/threat-model.ts';
import { createAttack } from '../../../src/attacks/suites.ts';
import { attackedModel, equidistantClassifier } from '../../support/linear-model.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, relativeMargin } from './support.ts';

const CLASSES = 6;
const IMAGE_SIZE = 40;
/** Radii at which about half the points can be broken; too small for [0, 1] to matter. */
const EPSILON = { Linf: 0.006, L2: 0.03, L1: 0.12 };

/** As AutoAttack has them: in L1 the start often decides which class the attack makes for. */
const RESTARTS = { Linf: 1, L2: 1, L1: 5 };

const classifier = equidistantClassifier(CLASSES, IMAGE_SIZE);
const model = attackedModel(classifier);

// Wrong classes are equally steep, so that the nearest one is the one with the largest logit, which untargeted losses see.
describe.each(['Linf', 'L2', 'L1'] as const)('APGD on a linear classifier, %s', (norm) => {
  const threat = { norm, epsilon: EPSILON[norm] };
  const margin = (image: readonly number[]) => relativeMargin(classifier, image, norm, threat.epsilon);
  // A random start may make another class than the nearest the rival to climb towards: leave room for that below 1.
  const images = interiorImages(2, 100, IMAGE_SIZE).filter((image) => margin(image) < 0.75 || margin(image) > 1.02);
  const points = pointsOf(classifier, images);
  const breakable = points.images.filter((row) => margin(images[row]!) < 1);

  it('has points on both sides', () => {
    expect(breakable.length).toBeGreaterThan(20);
    expect(images.length - breakable.length).toBeGreaterThan(20);
  });

  it.each(['apgd-ce', 'apgd-dlr', 'apgd-cw', 'apgd-t'] as const)(
    '%s breaks exactly the points whose margin allows it',
    async (attack) => {
      for (const examples of ['first', 'last'] as const) {
        const candidates = await createAttack({ attack, restarts: RESTARTS[norm] }).run(
          points,
          contextOf(model, threat, { examples }),
        );
        expect(brokenImages(points, candidates)).toEqual(breakable);
      }
    },
  );

  it('returns clean images where it fails, and examples within the threat model where it succeeds', async () => {
    const { x, broken } = await createAttack({ attack: 'apgd-dlr' }).run(points, contextOf(model, threat));
    for (const row of points.images) {
      const clean = imageOf(points.x, row, IMAGE_SIZE);
      const candidate = imageOf(x, row, IMAGE_SIZE);
      const clipped = candidate.slice();
      clipToThreat(clipped, clean, threat);
      expect(clipped).toEqual(candidate);
      expect(distance(candidate, clean, norm)).toBeLessThanOrEqual(threat.epsilon + 1e-6);
      if (broken[row] === 0) expect(candidate).toEqual(clean);
    }
  });
});
