import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttackPoints } from '../../src/attacks/core/attack.ts';
import { baseModel } from '../../src/defense/defended-model.ts';
import { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { streams } from './models.ts';

const IMAGE_SIZE = 3 * 32 * 32;

/** The CIFAR-10 ResNet-18 of the reference data; release it after use. */
export async function cifarModel(reference: string): Promise<OnnxModel> {
  const classifier = await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') });
  return new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, onnxRuntime());
}

/** Images of the reference data's test set by index, with their labels: a label byte each, then the pixels. */
export async function cifarPoints(
  reference: string,
  images: readonly number[],
  model: OnnxModel,
): Promise<AttackPoints> {
  const bytes = readFileSync(join(reference, 'cifar10/test_1000.bin'));
  const record = (image: number) => image * (IMAGE_SIZE + 1);
  const x = Float32Array.from(
    images.flatMap((image) => [...bytes.subarray(record(image) + 1, record(image + 1))]),
    (byte) => byte / 255,
  );
  const labels = Int32Array.from(images, (image) => bytes[record(image)]!);
  return { images, labels, x, logits: await model.logits(x, streams(images.length)) };
}
