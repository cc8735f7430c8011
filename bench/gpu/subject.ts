import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baseModel } from '../../src/defense/defended-model.ts';
import { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import type { Classifier } from '../../src/models/classifier.ts';
import { keyedStream } from '../../src/numeric/random.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import type { Device } from '../../src/schemas/config.ts';
import { randomResNet18 } from '../random-resnet18.ts';

/** What is timed: a CIFAR ResNet-18 and images, and what another runtime made of them. */
export interface Subject {
  readonly classifier: Classifier;
  readonly images: number;
  /** [images, 3, 32, 32] */
  readonly x: Float32Array;
  readonly labels: Int32Array;
  readonly reference: Reference;
}

export interface Reference {
  readonly by: string;
  readonly logits: Float32Array;
  readonly gradient: Float32Array;
}

const IMAGE_SIZE = 3 * 32 * 32;

/** As torch_side.py left it in the folder; without it a random one of that width, and what the CPU makes of a few images. */
export async function subjectIn(folder: string | undefined, width: number, images: number): Promise<Subject> {
  if (folder !== undefined && existsSync(join(folder, 'rn18.pt'))) return fromTorch(folder);
  const stream = keyedStream(['bench', 'images']);
  const x = Float32Array.from({ length: images * IMAGE_SIZE }, () => stream.uniform());
  const labels = Int32Array.from({ length: images }, () => Math.floor(10 * stream.uniform()));
  const subject = { classifier: randomResNet18(width), images, x, labels };
  return { ...subject, reference: await onTheCpu(subject, Math.min(16, images)) };
}

async function fromTorch(folder: string): Promise<Subject> {
  const floats = (name: string) => {
    const bytes = readFileSync(join(folder, name));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };
  const labels = Int32Array.from(floats('y.f32'));
  const classifier = await openClassifier({ path: join(folder, 'rn18.pt'), imageShape: [3, 32, 32] });
  const reference = { by: 'PyTorch', logits: floats('logits.f32'), gradient: floats('gradient.f32') };
  return { classifier, images: labels.length, x: floats('x.f32'), labels, reference };
}

async function onTheCpu(subject: Omit<Subject, 'reference'>, images: number): Promise<Reference> {
  const model = modelOn(subject, 'cpu');
  const { logits, gradient } = await model.gradient('ce', part(subject, 0, images), streams(images));
  await model.release();
  return { by: 'the CPU', logits, gradient };
}

export function modelOn({ classifier }: Pick<Subject, 'classifier'>, device: Device): OnnxModel {
  return new OnnxModel(baseModel(classifier), classifier.imageShape, classifier.classes, onnxRuntime({ device }));
}

/** Images from `first` on, with their labels. */
export function part({ x, labels }: Pick<Subject, 'x' | 'labels'>, first: number, count: number) {
  return {
    x: x.subarray(first * IMAGE_SIZE, (first + count) * IMAGE_SIZE),
    labels: labels.subarray(first, first + count),
  };
}

export function streams(images: number) {
  return Array.from({ length: images }, (_, image) => keyedStream(['bench', image]));
}
