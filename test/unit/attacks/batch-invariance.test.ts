import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apgd } from '../../../src/attacks/apgd/apgd.ts';
import type { Attack, AttackPoints, Candidates, ThreatModel } from '../../../src/attacks/core/attack.ts';
import { createAttack } from '../../../src/attacks/suites.ts';
import { attackedModel, equidistantClassifier } from '../../support/linear-model.ts';
import { brokenImages, contextOf, imageOf, interiorImages, pointsOf, selected } from './support.ts';

const IMAGE_SIZE = 16;
const COUNT = 14;
const classifier = equidistantClassifier(5, IMAGE_SIZE);
const points = pointsOf(classifier, interiorImages(4, COUNT, IMAGE_SIZE));
const LINF = { norm: 'Linf', epsilon: 0.012 } as const;
const L2 = { norm: 'L2', epsilon: 0.03 } as const;
const L1 = { norm: 'L1', epsilon: 0.09 } as const;
const once = { eot: 1, restarts: 1, start: 'random' } as const;

const ATTACKS: readonly { readonly attack: Attack; readonly threat: ThreatModel }[] = [
  { attack: createAttack({ attack: 'apgd-ce', iterations: 12, restarts: 2 }), threat: LINF },
  { attack: createAttack({ attack: 'apgd-t', iterations: 12, targets: 3 }), threat: LINF },
  { attack: createAttack({ attack: 'apgd-dlr', iterations: 6, eot: 3 }), threat: LINF },
  { attack: createAttack({ attack: 'apgd-ce', iterations: 12, restarts: 2, eot: 2 }), threat: L1 },
  { attack: createAttack({ attack: 'malt', iterations: 8, targets: 2, eot: 2 }), threat: LINF },
  { attack: createAttack({ attack: 'malt', iterations: 8, targets: 2 }), threat: L2 },
  { attack: createAttack({ attack: 'malt', iterations: 8, targets: 2, restarts: 2 }), threat: L1 },
  { attack: createAttack({ attack: 'pma', iterations: 8, eot: 2 }), threat: LINF },
  { attack: createAttack({ attack: 'pma', iterations: 8 }), threat: L2 },
  { attack: createAttack({ attack: 'pma', iterations: 8, restarts: 2 }), threat: L1 },
  { attack: createAttack({ attack: 'apgd-pm', iterations: 8 }), threat: L2 },
  {
    attack: apgd({
      ...once,
      name: 'apgd-t multi',
      loss: 'dlr-targeted',
      iterations: 9,
      targets: 2,
      multiEpsilon: true,
    }),
    threat: L1,
  },
];

/** Every image once, in any order, cut into batches anywhere. */
const batches = fc
  .tuple(
    fc.shuffledSubarray([...points.images], { minLength: COUNT }),
    fc.array(fc.nat({ max: COUNT }), { maxLength: 5 }),
  )
  .map(([order, cuts]) => {
    const bounds = [0, ...cuts.toSorted((a, b) => a - b), COUNT];
    return bounds.slice(1).map((end, index) => order.slice(bounds[index], end));
  });

describe.each([
  { kind: 'a deterministic model', noise: 0 },
  { kind: 'a randomised model', noise: 0.01 },
])('under $kind', ({ noise }) => {
  const model = attackedModel(classifier, { noise });

  describe.each(ATTACKS)('$attack.name, $threat.norm', ({ attack, threat }) => {
    const run = (some: AttackPoints, examples: 'first' | 'last') =>
      attack.run(some, contextOf(model, threat, { examples }));

    it.each(['first', 'last'] as const)(
      'gives each image the same outcome in any batches, keeping the %s',
      async (examples) => {
        const whole = outcomes(points, await run(points, examples));
        await fc.assert(
          fc.asyncProperty(batches, async (cut) => {
            const parts = new Map<number, Outcome>();
            for (const rows of cut) {
              const some = selected(points, rows, IMAGE_SIZE);
              for (const [image, outcome] of outcomes(some, await run(some, examples))) parts.set(image, outcome);
            }
            for (const image of points.images) expect(parts.get(image)).toEqual(whole.get(image));
          }),
          { numRuns: 10, seed: 1 },
        );
      },
    );

    it('breaks the same images whichever example it keeps, and not all or none of them', async () => {
      const first = brokenImages(points, await run(points, 'first'));
      expect(brokenImages(points, await run(points, 'last'))).toEqual(first);
      expect(first.length).toBeGreaterThan(0);
      expect(first.length).toBeLessThan(COUNT);
    });
  });
});

interface Outcome {
  readonly broken: boolean;
  readonly x: Float32Array;
}

function outcomes({ images }: AttackPoints, { x, broken }: Candidates): Map<number, Outcome> {
  return new Map(images.map((image, row) => [image, { broken: broken[row] === 1, x: imageOf(x, row, IMAGE_SIZE) }]));
}
