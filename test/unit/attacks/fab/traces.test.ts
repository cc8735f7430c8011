import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defineAttack } from '../../../../src/attacks/core/attack-scheduler.ts';
import { fabDefinition } from '../../../../src/attacks/fab/fab.ts';
import { distance } from '../../../../src/attacks/norms/threat-model.ts';
import type { OnnxModel } from '../../../../src/evaluation/onnx-model.ts';
import { openClassifier } from '../../../../src/runs/inputs/open-classifier.ts';
import { median } from '../../../support/golden.ts';
import { modelOf, streams } from '../../../support/models.ts';
import { describeWithShared } from '../../../support/shared.ts';
import { contextOf, imageOf } from '../support.ts';

/** The original FAB-T on a CIFAR-10 ResNet-18, started at the clean images. */
interface Trace {
  readonly norm: 'Linf' | 'L2';
  /** By rank of the clean logits, 1 being the label. */
  readonly target_rank: number;
  readonly iterations: number;
  readonly distance: readonly number[];
}

const IMAGE_BYTES = 3 * 32 * 32;
/** Of the 32 recorded: enough for a median, and 100 steps take a while. */
const IMAGES = 10;

describeWithShared('FAB beside the original on a real network', (reference) => {
  const recorded: { images: number[]; fab_t: Trace[] } = JSON.parse(
    readFileSync(join(reference, 'traces.json'), 'utf8'),
  );
  const images = recorded.images.slice(0, IMAGES);
  const bytes = readFileSync(join(reference, 'cifar10/test_1000.bin'));
  const x = Float32Array.from(
    images.flatMap((image) => [...bytes.subarray(image * (IMAGE_BYTES + 1) + 1, (image + 1) * (IMAGE_BYTES + 1))]),
    (byte) => byte / 255,
  );
  const labels = Int32Array.from(images, (image) => bytes[image * (IMAGE_BYTES + 1)]!);
  let model: OnnxModel;
  beforeAll(async () => {
    model = modelOf(await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') }));
  });
  afterAll(() => model?.release());

  it.each(recorded.fab_t)('$norm, rank $target_rank: the same distances', async (trace) => {
    const { norm, iterations, target_rank } = trace;
    const definition = fabDefinition({ name: 'fab-t', targeted: true, iterations, restarts: 1 });
    const attack = defineAttack({ ...definition, rounds: () => [{ restart: 0, targetRank: target_rank - 2 }] });
    const points = { x, labels, images, logits: await model.logits(x, streams(IMAGES)) };
    const before = model.usage;
    // Every distance counts as found.
    const found = await attack.run(points, contextOf(model, { norm, epsilon: 1000 }, { examples: 'last' }));

    const gaps = images.map((_, row) => {
      const length = distance(imageOf(found.x, row, IMAGE_BYTES), imageOf(x, row, IMAGE_BYTES), norm);
      return Math.abs(length / trace.distance[row]! - 1);
    });
    expect(median(gaps)).toBeLessThan(1e-3);
    expect(Math.max(...gaps)).toBeLessThan(0.02);
    // Cheaper than a gradient and a forward at every step, though most steps cross the boundary.
    const gradients = (model.usage.gradients - before.gradients) / IMAGES;
    const forwards = (model.usage.forwards - before.forwards) / IMAGES;
    expect(gradients).toBeLessThan(1.04 * iterations);
    expect(forwards).toBeLessThan(0.98 * iterations);
  });
});
