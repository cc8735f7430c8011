import { describe, expect, it } from 'vitest';
import { type ApgdOptions, apgd } from '../../../../src/attacks/apgd/apgd.ts';
import { radiusStages } from '../../../../src/attacks/apgd/l1-apgd-run.ts';
import type { ThreatModel } from '../../../../src/attacks/core/attack.ts';
import { isWithinThreat } from '../../../../src/attacks/norms/threat-model.ts';
import { ConfigError } from '../../../../src/errors.ts';
import { attackedModel, equidistantClassifier } from '../../../support/linear-model.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, relativeMargin } from '../support.ts';

const IMAGE_SIZE = 40;
const threat: ThreatModel = { norm: 'L1', epsilon: 0.12 };
const classifier = equidistantClassifier(6, IMAGE_SIZE);
const margin = (image: readonly number[]) => relativeMargin(classifier, image, 'L1', threat.epsilon);
const images = interiorImages(3, 60, IMAGE_SIZE).filter((image) => margin(image) < 0.9 || margin(image) > 1.02);
const points = pointsOf(classifier, images);

function attackOn(changes: Partial<ApgdOptions> = {}) {
  const options = {
    name: 'apgd',
    loss: 'dlr-targeted',
    iterations: 100,
    restarts: 1,
    eot: 1,
    start: 'random',
  } as const;
  return apgd({ ...options, ...changes });
}

describe('APGD in L1 at several radii', () => {
  it('breaks exactly the points whose margin allows it, within the last radius', async () => {
    const breakable = points.images.filter((row) => margin(images[row]!) < 1);
    const found = await attackOn({ multiEpsilon: true }).run(points, contextOf(attackedModel(classifier), threat));
    expect(breakable.length).toBeGreaterThan(10);
    expect(brokenImages(points, found)).toEqual(breakable);
    for (const row of points.images)
      expect(isWithinThreat(imageOf(found.x, row, IMAGE_SIZE), imageOf(points.x, row, IMAGE_SIZE), threat)).toBe(true);
  });

  it.each([
    ['one', false, 101],
    ['several', true, 103],
  ])('costs what it announces: %s', async (_, multiEpsilon, evaluations) => {
    const attack = attackOn({ loss: 'ce', multiEpsilon });
    let asked = 0;
    const model = attackedModel(classifier, { onGradient: ({ labels }) => (asked += labels.length) });
    const robust = points.images.findIndex((row) => margin(images[row]!) > 1.02);
    await attack.run(pointsOf(classifier, [images[robust]!]), contextOf(model, threat));
    expect(attack.cost(6)).toEqual({ forwards: 0, gradients: evaluations });
    expect(asked).toBe(evaluations);
  });

  it('is refused in other norms', async () => {
    const run = attackOn({ multiEpsilon: true }).run(
      points,
      contextOf(attackedModel(classifier), { norm: 'L2', epsilon: 1 }),
    );
    await expect(run).rejects.toThrow(ConfigError);
  });
});

describe('stages', () => {
  it('are 30, 30 and 40 of 100 iterations at 3, 2 and 1 epsilon', () => {
    expect(radiusStages(12, 100, true)).toEqual([
      { radius: 36, iterations: 30, period: 1 },
      { radius: 24, iterations: 30, period: 1 },
      { radius: 12, iterations: 40, period: 1 },
    ]);
    expect(radiusStages(12, 100, false)).toEqual([{ radius: 12, iterations: 100, period: 4 }]);
  });

  it.each([1, 2, 3, 4, 5, 7, 10, 33])('share out %d iterations, whatever rounding does', (iterations) => {
    const stages = radiusStages(12, iterations, true);
    expect(stages.reduce((sum, stage) => sum + stage.iterations, 0)).toBe(iterations);
    expect(stages.every((stage) => stage.iterations >= 0)).toBe(true);
  });
});
