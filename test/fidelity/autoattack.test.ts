import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createAttack, resolveSuite } from '../../src/attacks/suites.ts';
import { openDataset } from '../../src/datasets/open.ts';
import { evaluateImages } from '../../src/evaluation/protocol.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { golden } from '../support/golden.ts';
import { modelOf } from '../support/models.ts';
import { hasRequirement } from '../support/require.ts';
import { describeWithShared } from '../support/shared.ts';

const recordSchema = z.object({
  runs: z.array(
    z.object({ kind: z.string(), attacks: z.array(z.unknown()), broken_by: z.array(z.string().nullable()) }),
  ),
});

/**
 * Images attacked here, so that the suites stay short; README has the whole record. The standard suite begins with both APGDs: alone
 * they are tried on more images, and on the defence.
 */
type Case = readonly [suite: keyof typeof ATTACKS, kind: 'none' | 'loir', images: number];
const ALL: readonly Case[] = [
  ['apgd', 'loir', 24],
  ['standard', 'none', 24],
  ['standard', 'loir', 12],
];
const CASES = ALL.map(([suite, kind, images]): Case => [suite, kind, hasRequirement('whole') ? images : images / 2]);
const ATTACKS = { apgd: 2, standard: 4 };
const threat = { norm: 'Linf', epsilon: 8 / 255 } as const;

describeWithShared('suites against the original AutoAttack, image by image', (reference) => {
  const record = recordSchema.parse(JSON.parse(readFileSync(join(reference, 'autoattack.json'), 'utf8')));

  // Random restarts differ from the original's, so single images may.
  test.each(CASES)(
    '%s, %s, %d images: at most one differs',
    async (suite, kind, count) => {
      const classifier = await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') });
      const path = join(reference, 'cifar10/test_1000.bin');
      const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: count });
      const masks = golden(join(reference, 'goldens/rn18-w16.loir.layer4.masks_k16.npy'));
      const model = modelOf(classifier, kind === 'loir' ? { layer: 'layer4', masks } : undefined);
      const images = Array.from({ length: count }, (_, i) => i);
      const { outcomes } = await evaluateImages(
        model,
        { x: await data.pixels(0, count), labels: data.labels, images },
        {
          suite: resolveSuite({ suite, threat, protocol: 'sequential' }).map((spec) => ({
            attack: createAttack(spec),
            group: spec.group,
          })),
          threat,
          seed: 0,
          batchSize: count,
          examples: 'first',
        },
      );
      await model.release();
      const ours = outcomes.map(({ brokenBy, cleanPrediction, label }) =>
        cleanPrediction === label ? brokenBy : 'clean',
      );
      const run = record.runs.find((each) => each.kind === kind && each.attacks.length === ATTACKS[suite]);
      const theirs = run?.broken_by ?? [];
      expect(ours.filter((outcome, image) => outcome !== theirs[image]).length).toBeLessThanOrEqual(1);
      expect(ours).toContain(null);
    },
    300_000,
  );
});
