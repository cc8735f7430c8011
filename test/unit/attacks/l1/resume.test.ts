import { describe, expect, it } from 'vitest';
import { apgd } from '../../../../src/attacks/apgd/apgd.ts';
import { attackedModel, equidistantClassifier } from '../../../support/linear-model.ts';
import { interrupted } from '../interrupted.ts';
import { contextOf, interiorImages, pointsOf } from '../support.ts';

const IMAGE_SIZE = 40;
const classifier = equidistantClassifier(6, IMAGE_SIZE);
const points = pointsOf(classifier, interiorImages(3, 12, IMAGE_SIZE));

describe('APGD in L1, killed and gone on with', () => {
  it.each([
    { start: 'random', multiEpsilon: false },
    { start: 'clean', multiEpsilon: false },
    { start: 'random', multiEpsilon: true },
  ] as const)('asks no more and finds the same: start $start, multiEpsilon $multiEpsilon', async (options) => {
    const attack = apgd({ name: 'apgd-ce', loss: 'ce', iterations: 20, restarts: 2, eot: 2, ...options });
    let asked = 0;
    const model = attackedModel(classifier, { onGradient: ({ labels }) => (asked += labels.length) });
    const context = contextOf(model, { norm: 'L1', epsilon: 0.12 }, { examples: 'last', batchSize: 5 });
    const undisturbed = await attack.run(points, context);
    const evaluations = asked;
    for (const kill of [1, 17, 60]) {
      asked = 0;
      const found = await interrupted(attack, points, context, kill);
      expect(found.x).toEqual(undisturbed.x);
      expect(found.broken).toEqual(undisturbed.broken);
      expect(asked).toBe(evaluations);
    }
  });
});
