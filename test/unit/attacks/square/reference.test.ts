import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AttackPoints, ThreatModel } from '../../../../src/attacks/core/attack.ts';
import { ofNorm } from '../../../../src/attacks/norms/threat-model.ts';
import { PROPOSALS, SquareRun } from '../../../../src/attacks/square/square.ts';
import type { OnnxModel } from '../../../../src/evaluation/onnx-model.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';
import { cifarModel, cifarPoints } from '../../../support/cifar.ts';
import { streams } from '../../../support/models.ts';
import { describeWithShared } from '../../../support/shared.ts';
import { imageOf } from '../support.ts';

/** How far the original got over several seeds: see make-square.py beside the fixture. */
interface Run extends ThreatModel {
  /** Images broken, by seed. */
  readonly broken: readonly number[];
  /** Mean over seeds of the mean margin left, 0 for broken images; and its standard deviation. */
  readonly margin: number;
  readonly deviation: number;
}

interface Fixture {
  readonly cifar: { readonly images: readonly number[]; readonly queries: number; readonly runs: readonly Run[] };
}

const { cifar }: Fixture = JSON.parse(
  readFileSync(new URL('../../../fixtures/attacks/square.json', import.meta.url), 'utf8'),
);

describeWithShared('Square beside the original on a real network', (reference) => {
  let model: OnnxModel;
  let points: AttackPoints;
  beforeAll(async () => {
    model = await cifarModel(reference);
    points = await cifarPoints(reference, cifar.images, model);
  });
  afterAll(() => model?.release());

  it.each(cifar.runs)('$norm: as many images broken, as small margins left', async (run) => {
    const margins = await marginsLeft(model, points, run);
    const broken = margins.filter((margin) => margin === 0).length;
    const mean = margins.reduce((sum, margin) => sum + margin, 0) / margins.length;
    expect(broken).toBeGreaterThanOrEqual(Math.min(...run.broken) - 1);
    expect(broken).toBeLessThanOrEqual(Math.max(...run.broken) + 1);
    // Four standard deviations of one run, and the error of the recorded mean besides.
    expect(Math.abs(mean - run.margin)).toBeLessThan(4.5 * run.deviation);
  });
});

/** Margin of each image after the recorded number of queries, 0 where it is broken. */
async function marginsLeft(model: OnnxModel, points: AttackPoints, threat: ThreatModel): Promise<number[]> {
  const { classes, imageSize } = model;
  const proposal = ofNorm(PROPOSALS, threat.norm, 'square')({ threat, model });
  const runs = points.images.map((image, row) => {
    const canvas = { clean: imageOf(points.x, row, imageSize), stream: keyedStream([image]) };
    const sample = { label: points.labels[row]!, queries: cifar.queries, randomised: false };
    return { attack: new SquareRun(sample, proposal(canvas)), isBroken: false };
  });
  for (;;) {
    const open = runs.filter(({ attack }) => attack.next !== undefined);
    if (open.length === 0) return runs.map(({ attack, isBroken }) => (isBroken ? 0 : attack.save().margin));
    const x = new Float32Array(open.length * imageSize);
    for (const [row, { attack }] of open.entries()) x.set(attack.next!.x, row * imageSize);
    const logits = await model.logits(x, streams(open.length));
    for (const [row, run] of open.entries()) {
      const answer = { logits: imageOf(logits, row, classes), loss: Number.NaN, gradient: new Float32Array() };
      run.isBroken = run.attack.update(answer) !== undefined;
    }
  }
}
