import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import type { AttackContext, SavedAttack } from '../../../../src/attacks/core/attack.ts';
import { fab } from '../../../../src/attacks/fab/fab.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';
import { attackedModel, equidistantClassifier } from '../../../support/linear-model.ts';
import { contextOf, interiorImages, pointsOf } from '../support.ts';

const classifier = equidistantClassifier(5, 40);
const model = attackedModel(classifier);
const points = pointsOf(classifier, interiorImages(7, 8, 40));
const EPSILON = { Linf: 0.006, L2: 0.03, L1: 0.12 };

/** What a killed process leaves behind. */
class Killed extends Error {}

describe.each(['Linf', 'L2', 'L1'] as const)('FAB killed and gone on with, %s', (norm) => {
  const context = (options: Partial<AttackContext>) =>
    contextOf(model, { norm, epsilon: EPSILON[norm] }, { examples: 'last', batchSize: 3, ...options });

  it.each([
    { name: 'fab', targeted: false },
    { name: 'fab-t', targeted: true },
  ])('$name finds bit for bit what an undisturbed run finds', async (options) => {
    const attack = fab({ ...options, iterations: 12, restarts: 2, targets: 2 });
    let evaluations = 0;
    const undisturbed = await attack.run(
      points,
      context({
        checkpoint: async () => {
          evaluations++;
        },
      }),
    );
    const kills = keyedStream(['kills', norm, options.name]);
    let saved: SavedAttack | undefined;
    for (let deaths = 0; ; deaths++) {
      let left = 1 + kills.integer(Math.ceil(evaluations / 6));
      const checkpoint = async (save: () => SavedAttack) => {
        if (--left > 0) return;
        saved = deserialize(serialize(save()));
        throw new Killed();
      };
      const outcome = await attack
        .run(points, context({ checkpoint, ...(saved === undefined ? {} : { saved }) }))
        .catch((error: unknown) => {
          if (error instanceof Killed) return undefined;
          throw error;
        });
      if (outcome === undefined) continue;
      expect(deaths).toBeGreaterThan(3);
      expect(outcome.x).toEqual(undisturbed.x);
      expect(outcome.broken).toEqual(undisturbed.broken);
      return;
    }
  });
});
