import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apgd } from '../../../src/attacks/apgd/apgd.ts';
import type { AttackedModel, AttackPoints } from '../../../src/attacks/core/attack.ts';
import type { LossName } from '../../../src/attacks/core/losses.ts';
import { baseModel } from '../../../src/defense/defended-model.ts';
import { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import { logitsOf } from '../../../src/evaluation/predict.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { describeWithShared } from '../../support/shared.ts';
import { contextOf } from './support.ts';

/** The original APGD on a CIFAR-10 ResNet-18, started at the clean images. */
interface Trace {
  readonly norm: 'Linf' | 'L2';
  readonly eps: number;
  readonly loss: LossName;
  readonly iterations: number;
  readonly best_loss: readonly number[];
  readonly broken: readonly boolean[];
}

const IMAGE_BYTES = 3 * 32 * 32;

describeWithShared('APGD beside the original on a real network', (reference) => {
  let traces: readonly Trace[];
  let points: AttackPoints;
  let model: OnnxModel;
  beforeAll(async () => {
    const recorded: { images: number[]; apgd: Trace[] } = JSON.parse(
      readFileSync(join(reference, 'traces.json'), 'utf8'),
    );
    traces = recorded.apgd;
    const classifier = await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') });
    model = new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, onnxRuntime());
    const images = cifarImages(join(reference, 'cifar10/test_1000.bin'), recorded.images);
    points = { ...images, logits: await logitsOf(model, images, { seed: 0, batchSize: 32 }, ['clean']) };
  });
  afterAll(() => model?.release());

  it.each([
    ['Linf', 'ce', 10],
    ['Linf', 'dlr', 10],
    ['L2', 'ce', 10],
    ['L2', 'dlr', 10],
    // 100 steps take a while: once is enough, all checkpoints passed.
    ['Linf', 'dlr', 100],
  ] as const)('%s, %s, %d steps: the same best losses and images broken', async (norm, loss, iterations) => {
    const trace = traces.find((each) => each.norm === norm && each.loss === loss && each.iterations === iterations)!;
    const best = new Float32Array(points.images.length).fill(Number.NEGATIVE_INFINITY);
    const attack = apgd({ name: 'apgd', loss, iterations, restarts: 1, eot: 1, start: 'clean' });
    const context = contextOf(watched(model, best), { norm, epsilon: trace.eps }, { examples: 'last' });
    const { broken } = await attack.run(points, context);

    expect([...broken].map((value) => value === 1)).toEqual(trace.broken);
    // Where rounding flips a ReLU, an image goes another way from there on: nearly all agree, not every last one.
    const gaps = trace.best_loss.map((value, row) => Math.abs(best[row]! - value)).sort((a, b) => a - b);
    expect(gaps[Math.floor(0.9 * gaps.length)]).toBeLessThan(1e-4);
    expect(Math.max(...gaps)).toBeLessThan(0.05);
  });
});

/** The model, noting the largest loss of each row; no image leaves the batch, so rows stay images. */
function watched(model: AttackedModel, best: Float32Array): AttackedModel {
  return {
    classes: model.classes,
    imageSize: model.imageSize,
    imageShape: model.imageShape,
    randomised: model.randomised,
    logits: (x, streams) => model.logits(x, streams),
    async gradient(loss, batch, streams) {
      const result = await model.gradient(loss, batch, streams);
      for (const row of best.keys()) best[row] = Math.max(best[row]!, result.loss[row]!);
      return result;
    },
  };
}

/** Images of a CIFAR-10 binary: a label byte, then the pixels. */
function cifarImages(path: string, images: number[]): Omit<AttackPoints, 'logits'> {
  const bytes = readFileSync(path);
  const record = (image: number) => image * (IMAGE_BYTES + 1);
  return {
    images,
    labels: Int32Array.from(images, (image) => bytes[record(image)]!),
    x: Float32Array.from(
      images.flatMap((image) => [...bytes.subarray(record(image) + 1, record(image + 1))]),
      (byte) => byte / 255,
    ),
  };
}
