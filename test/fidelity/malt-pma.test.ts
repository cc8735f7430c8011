import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAttack } from '../../src/attacks/suites.ts';
import { openDataset } from '../../src/datasets/open.ts';
import type { EvaluationImages } from '../../src/evaluation/image-state.ts';
import type { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { evaluateImages } from '../../src/evaluation/protocol.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { modelOf } from '../support/models.ts';
import { describeWithShared } from '../support/shared.ts';

/** Which images the originals leave robust; MALT after so many targets. */
interface Run {
  readonly malt: Readonly<Record<'1' | '2' | '9', readonly number[]>>;
  readonly pma: readonly number[];
}
/** With several seeds: see make-outcomes.py beside the fixture. */
interface Outcomes {
  readonly correct: readonly number[];
  readonly robust: readonly Run[];
}

const recorded: Outcomes = JSON.parse(
  readFileSync(new URL('../fixtures/attacks/outcomes.json', import.meta.url), 'utf8'),
);
/** Of the 64 recorded, so that it stays short. */
const IMAGES = 40;
const threat = { norm: 'Linf', epsilon: 8 / 255 } as const;

describeWithShared('MALT and PMA against their originals, image by image', (reference) => {
  let model: OnnxModel;
  let points: EvaluationImages;
  beforeAll(async () => {
    model = modelOf(await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') }));
    const path = join(reference, 'cifar10/test_1000.bin');
    const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: IMAGES });
    const images = Array.from({ length: IMAGES }, (_, image) => image);
    points = { x: await data.pixels(0, IMAGES), labels: data.labels, images };
  });
  afterAll(() => model?.release());

  // Random starts differ from the originals': an image that holds out against some and not others may.
  test.each([
    [{ attack: 'malt', targets: 1 }, (run: Run) => run.malt['1']],
    [{ attack: 'malt', targets: 2 }, (run: Run) => run.malt['2']],
    [{ attack: 'pma' }, (run: Run) => run.pma],
  ] as const)('%j: at most one image differs', async (spec, robustIn) => {
    const suite = [{ attack: createAttack(spec), group: 'all' }];
    const options = { suite, threat, seed: 0, batchSize: IMAGES, examples: 'first' } as const;
    const { outcomes } = await evaluateImages(model, points, options);
    const correct = outcomes.filter(({ cleanPrediction, label }) => cleanPrediction === label);
    const robust = correct.filter(({ brokenBy }) => brokenBy === null).map(({ image }) => image);
    expect(correct.map(({ image }) => image)).toEqual(recorded.correct.filter((image) => image < IMAGES));
    for (const run of recorded.robust) {
      const theirs = robustIn(run).filter((image) => image < IMAGES);
      const differing = correct.filter(({ image }) => robust.includes(image) !== theirs.includes(image));
      expect(differing.length).toBeLessThanOrEqual(1);
    }
    expect(robust.length).toBeGreaterThan(0.2 * IMAGES);
  });
});
