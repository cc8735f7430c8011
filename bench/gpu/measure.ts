import { apgd } from '../../src/attacks/apgd/apgd.ts';
import type { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { keyedStream } from '../../src/numeric/random.ts';
import { part, type Subject, streams } from './subject.ts';

const EPSILON = 8 / 255;

export interface Deviation {
  /** Largest difference, and the largest number of the reference. */
  readonly worst: number;
  readonly of: number;
}

/** How far logits and gradients are from the reference's, on the images that it has, and how many signs differ. */
export async function deviations(model: OnnxModel, subject: Subject) {
  const { logits, gradient } = subject.reference;
  const images = logits.length / model.classes;
  const found = await model.gradient('ce', part(subject, 0, images), streams(images));
  const signs = found.gradient.filter((value, i) => Math.sign(value) !== Math.sign(gradient[i]!)).length;
  return {
    images,
    logits: deviation(found.logits, logits),
    gradient: deviation(found.gradient, gradient),
    signsThatDiffer: signs / gradient.length,
  };
}

function deviation(found: Float32Array, expected: Float32Array): Deviation {
  let [worst, of] = [0, 0];
  expected.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(found[i]! - value));
    of = Math.max(of, Math.abs(value));
  });
  return { worst, of };
}

/** Images a second of a forward pass and of one with the gradient. */
export async function throughput(model: OnnxModel, subject: Subject, batch: number, rounds: number) {
  const images = part(subject, 0, batch);
  const noise = streams(batch);
  const forward = await medianMs(() => model.logits(images.x, noise), rounds);
  const gradient = await medianMs(() => model.gradient('ce', images, noise), rounds);
  return { forwardPerSecond: (1000 * batch) / forward, gradientPerSecond: (1000 * batch) / gradient };
}

/** The median of a few, after two that set the shape up. */
async function medianMs(work: () => Promise<unknown>, rounds: number): Promise<number> {
  const times: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const start = performance.now();
    await work();
    if (round >= 0) times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
}

export interface Attacked {
  readonly images: number;
  readonly milliseconds: number;
  /** Of them inside onnxruntime. */
  readonly runtimeMilliseconds: number;
  readonly steps: number;
}

export interface AttackOptions {
  readonly first: number;
  readonly count: number;
  readonly batch: number;
  readonly iterations: number;
}

/** APGD on cross-entropy in the loop that runs have, on images `first` ... */
export async function attack(
  model: OnnxModel,
  subject: Subject,
  { first, count, batch, iterations }: AttackOptions,
): Promise<Attacked> {
  const images = Array.from({ length: count }, (_, i) => first + i);
  const { x, labels } = part(subject, first, count);
  const points = { x, labels, images, logits: await model.logits(x, streams(count)) };
  const spent = model.usage.runtimeSeconds;
  const start = performance.now();
  await apgd({ name: 'apgd-ce', loss: 'ce', iterations, restarts: 1, eot: 1, start: 'clean' }).run(points, {
    ...{ model, batchSize: batch, examples: 'last', threat: { norm: 'Linf', epsilon: EPSILON } },
    stream: (image, ...key) => keyedStream([0, image, ...key]),
  });
  return {
    images: count,
    milliseconds: performance.now() - start,
    runtimeMilliseconds: 1000 * (model.usage.runtimeSeconds - spent),
    steps: iterations + 1,
  };
}
