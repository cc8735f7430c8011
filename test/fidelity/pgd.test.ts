import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Attack } from '../../src/attacks/core/attack.ts';
import { gama } from '../../src/attacks/pgd/gama.ts';
import { PGD_STEP, pgd } from '../../src/attacks/pgd/pgd.ts';
import { openDataset } from '../../src/datasets/open.ts';
import { evaluateImages } from '../../src/evaluation/protocol.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { modelOf } from '../support/models.ts';
import { describeWithShared } from '../support/shared.ts';

const IMAGES = 64;
/** One point of accuracy is less than one image here. */
const POINT = Math.floor(0.01 * IMAGES);
const threat = { norm: 'Linf', epsilon: 8 / 255 } as const;
const once = { restarts: 1, eot: 1 };
const ATTACKS = {
  pgd: pgd({ ...once, name: 'pgd', loss: 'ce', iterations: 20, stepSize: PGD_STEP, start: 'random' }),
  gama: gama({ ...once, name: 'gama', iterations: 100, reference: 'start' }),
};

describeWithShared('on an adversarially trained network', (reference) => {
  test('GAMA-PGD is at least as strong as PGD-20, and both break some images and not all', async () => {
    const classifier = await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') });
    const path = join(reference, 'cifar10/test_1000.bin');
    const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: IMAGES });
    const images = Array.from({ length: IMAGES }, (_, i) => i);
    const points = { x: await data.pixels(0, IMAGES), labels: data.labels, images };
    const model = modelOf(classifier);
    const robust = async (attack: Attack) => {
      const suite = [{ attack, group: 'all' }];
      const options = { suite, threat, seed: 0, batchSize: IMAGES, examples: 'first' } as const;
      const { outcomes } = await evaluateImages(model, points, options);
      return outcomes.filter(({ cleanPrediction, label, brokenBy }) => cleanPrediction === label && brokenBy === null);
    };
    const pgdRobust = (await robust(ATTACKS.pgd)).length;
    const gamaRobust = (await robust(ATTACKS.gama)).length;
    await model.release();
    expect(gamaRobust).toBeLessThanOrEqual(pgdRobust + POINT);
    expect(gamaRobust).toBeGreaterThan(0.15 * IMAGES);
    expect(pgdRobust).toBeLessThan(0.5 * IMAGES);
  });
});
