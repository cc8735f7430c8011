import { describe, expect, test } from 'vitest';
import { isWithinThreat } from '../../../../src/attacks/norms/threat-model.ts';
import { createAttack } from '../../../../src/attacks/suites.ts';
import { RunError } from '../../../../src/errors.ts';
import { attackedImages } from '../../../../src/evaluation/analysis/attacked-images.ts';
import { attackedModel, equidistantClassifier } from '../../../support/linear-model.ts';
import { contextOf, imageOf, interiorImages, pointsOf, relativeMargin } from '../../attacks/support.ts';

const CLASSIFIER = equidistantClassifier(4, 16);
const IMAGES = interiorImages(5, 24, 16);
const POINTS = pointsOf(CLASSIFIER, IMAGES);
const THREAT = { norm: 'Linf', epsilon: 0.02 } as const;
const OPTIONS = { threat: THREAT, seed: 0, batchSize: 7 };
const ATTACK = createAttack({ attack: 'apgd-ce', iterations: 20 });

describe('where an attack leaves images', () => {
  test('is its example where it has one, and its last point, not the clean image, where it has none', async () => {
    const model = attackedModel(CLASSIFIER);
    const x = await attackedImages(model, ATTACK, POINTS, OPTIONS);
    const stream = contextOf(model, THREAT).stream;
    const found = await ATTACK.run(POINTS, {
      ...contextOf(model, THREAT, { examples: 'last' }),
      stream: (image, ...key) => stream(image, ATTACK.name, ...key),
    });
    const broken = POINTS.images.filter((row) => found.broken[row] === 1);
    expect(broken.length).toBeGreaterThan(3);
    expect(broken.length).toBeLessThan(21);
    for (const row of POINTS.images) {
      const [end, clean] = [imageOf(x, row, 16), imageOf(POINTS.x, row, 16)];
      expect(isWithinThreat(end, clean, THREAT)).toBe(true);
      expect([...end]).not.toEqual([...clean]);
      const logits = CLASSIFIER.logits([...end]);
      const isBroken = logits.indexOf(Math.max(...logits)) !== POINTS.labels[row];
      expect(isBroken).toBe(broken.includes(row));
      expect(isBroken).toBe(relativeMargin(CLASSIFIER, IMAGES[row]!, 'Linf', THREAT.epsilon) < 1);
      if (isBroken) expect([...end]).toEqual([...imageOf(found.x, row, 16)]);
      // APGD raises the loss: where it ends, the label has lost ground.
      expect(logits[POINTS.labels[row]!]).toBeLessThan(CLASSIFIER.logits([...clean])[POINTS.labels[row]!]!);
    }
  });

  test('does not depend on the batch', async () => {
    const [whole, single] = await Promise.all(
      [24, 1].map((batchSize) => attackedImages(attackedModel(CLASSIFIER), ATTACK, POINTS, { ...OPTIONS, batchSize })),
    );
    expect(single).toEqual(whole);
  });

  test('is refused for an attack that never looks at an image it gives up', async () => {
    const blind = { ...ATTACK, run: async () => ({ x: POINTS.x, broken: new Uint8Array(24) }) };
    await expect(attackedImages(attackedModel(CLASSIFIER), blind, POINTS, OPTIONS)).rejects.toThrow(RunError);
  });
});
