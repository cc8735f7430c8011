import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AttackPoints } from '../../../../src/attacks/core/attack.ts';
import { RaysRun } from '../../../../src/attacks/rays/rays.ts';
import type { OnnxModel } from '../../../../src/evaluation/onnx-model.ts';
import { cifarModel, cifarPoints } from '../../../support/cifar.ts';
import { streams } from '../../../support/models.ts';
import { describeWithShared } from '../../../support/shared.ts';
import { imageOf } from '../support.ts';

/** What the original found: see make-rays.py beside the fixture. */
interface Fixture {
  readonly images: readonly number[];
  /** By number of queries: L-infinity radius of each image. */
  readonly radii: Readonly<Record<string, readonly number[]>>;
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../fixtures/attacks/rays.json', import.meta.url), 'utf8'),
);

describeWithShared('RayS beside the original on a real network', (reference) => {
  let model: OnnxModel;
  let points: AttackPoints;
  beforeAll(async () => {
    model = await cifarModel(reference);
    points = await cifarPoints(reference, fixture.images, model);
  });
  afterAll(() => model?.release());

  it('has found the same radii after as many queries', async () => {
    const most = Math.max(...Object.keys(fixture.radii).map(Number));
    const histories = await radiusHistories(model, points, most);
    for (const [queries, expected] of Object.entries(fixture.radii)) {
      const radii = histories.map((history) => history[Number(queries)]! / Math.sqrt(model.imageSize));
      const gaps = expected.map((value, row) => Math.abs(radii[row]! - value)).sort((a, b) => a - b);
      // Rounding may turn an answer at the boundary itself: from there on an image goes another way.
      expect(gaps[Math.floor(gaps.length / 2)]).toBeLessThan(1e-7);
      expect(Math.max(...gaps)).toBeLessThan(1e-3);
    }
  });
});

/** Euclidean radius of each image by number of queries, when no radius is small enough. */
async function radiusHistories(model: OnnxModel, points: AttackPoints, queries: number): Promise<number[][]> {
  const { classes, imageSize } = model;
  const attacks = points.images.map((_, row) => {
    const clean = imageOf(points.x, row, imageSize);
    return new RaysRun({ clean, label: points.labels[row]!, epsilon: 0, queries: queries + 100 });
  });
  const histories = attacks.map((attack) => [attack.save().radius]);
  for (let asked = 0; asked < queries; asked++) {
    const x = new Float32Array(attacks.length * imageSize);
    for (const [row, attack] of attacks.entries()) x.set(attack.next!.x, row * imageSize);
    const logits = await model.logits(x, streams(attacks.length));
    for (const [row, attack] of attacks.entries()) {
      attack.update({ logits: imageOf(logits, row, classes), loss: Number.NaN, gradient: new Float32Array() });
      histories[row]!.push(attack.save().radius);
    }
  }
  return histories;
}
