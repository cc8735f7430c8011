import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AttackedModel, LossBatch } from '../../../src/attacks/core/attack.ts';
import { gama, gamaStepSize, gamaWeight } from '../../../src/attacks/pgd/gama.ts';
import { ConfigError } from '../../../src/errors.ts';
import { keyedStream } from '../../../src/numeric/random.ts';
import { attackedModel, equidistantClassifier } from '../../support/linear-model.ts';
import { logitLoss } from './logit-losses.ts';
import { contextOf, imageOf, interiorImages, pointsOf } from './support.ts';

type Rows = readonly (readonly number[])[];

/** What the original did, and what the model answered: see make-gama.py beside the fixture. Rows are images. */
interface Fixture {
  readonly epsilon: number;
  readonly x: Rows;
  readonly labels: readonly number[];
  readonly steps: readonly Record<'x' | 'logits' | 'logitGradient' | 'gradient', Rows>[];
  readonly end: Rows;
  readonly endLogits: Rows;
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../../fixtures/attacks/gama.json', import.meta.url), 'utf8'));
const OPTIONS = { name: 'gama', iterations: 100, restarts: 1, eot: 1, reference: 'start' } as const;

describe('GAMA-PGD beside the original', () => {
  it('goes the same way step by step, up the same loss, and evaluates the same end', async () => {
    const { steps, epsilon, labels } = fixture;
    const classes = steps[0]!.logits[0]!.length;
    const gaps: number[] = [];
    let played = 0;
    const model: AttackedModel = {
      classes,
      imageSize: fixture.x[0]!.length,
      imageShape: [3, 2, 2],
      randomised: false,
      async logits(x) {
        gaps.push(largestGap(x, fixture.end.flat()));
        return Float32Array.from(fixture.endLogits.flat());
      },
      async gradient(_, batch) {
        const step = steps[played++]!;
        gaps.push(largestGap(batch.x, step.x.flat()));
        expectGradients(batch, step.logits, step.logitGradient);
        return {
          loss: new Float32Array(labels.length),
          logits: Float32Array.from(step.logits.flat()),
          gradient: Float32Array.from(step.gradient.flat()),
        };
      },
    };
    const points = {
      x: Float32Array.from(fixture.x.flat()),
      labels: Int32Array.from(labels),
      images: [...labels.keys()],
      logits: new Float32Array(labels.length * classes),
    };
    const context = { ...contextOf(model, { norm: 'Linf', epsilon }, { examples: 'last' }), stream: cornerOf };
    const { broken, x } = await gama({ ...OPTIONS, iterations: steps.length }).run(points, context);

    expect(gaps).toHaveLength(steps.length + 1);
    // The original takes the offset from the clean image and puts it back, which rounds once more.
    expect(Math.max(...gaps)).toBeLessThan(2e-7);
    expect([...broken]).toEqual([1, 1, 1]);
    expect(largestGap(x, fixture.end.flat())).toBeLessThan(2e-7);
  });
});

/** The loss asked for, with its weight and reference, has the original's gradient with respect to the logits. */
function expectGradients({ labels, references, weights }: LossBatch, logits: Rows, expected: Rows): void {
  for (const [row, z] of logits.entries()) {
    const parameters = { reference: imageOf(references!, row, z.length), weight: weights![row]! };
    const { gradient } = logitLoss('gama', z, labels[row]!, parameters);
    expect(largestGap(Float32Array.from(gradient), expected[row]!)).toBeLessThan(2e-5);
  }
}

/** A stream that says which side of the clean image the original started on. */
function cornerOf(image: number) {
  const start = fixture.steps[0]!.x[image]!;
  const sides = start.map((value, k) => (value > fixture.x[image]![k]! ? 1 : 0));
  return { ...keyedStream(['corner']), integer: () => sides.shift()! };
}

function largestGap(actual: Float32Array, expected: readonly number[]): number {
  return expected.reduce((largest, value, k) => Math.max(largest, Math.abs(actual[k]! - Math.fround(value))), 0);
}

describe('GAMA-PGD', () => {
  const classifier = equidistantClassifier(6, 40);
  const points = pointsOf(classifier, interiorImages(5, 8, 40));
  const logitsAt = (x: Float32Array) => classifier.logits([...x]);

  it('steps 2 epsilon, a tenth of it from step 60 on and a hundredth from 85, the weight fading over 25', () => {
    const sizes = [0, 59, 60, 84, 85, 99].map((step) => gamaStepSize(step, 100, 8 / 255) / (8 / 255));
    const expected = [2, 2, 0.2, 0.2, 0.02, 0.02];
    for (const [i, size] of sizes.entries()) expect(size).toBeCloseTo(expected[i]!, 6);
    const weights = [0, 1, 24, 25, 26, 99].map((step) => gamaWeight(step, 100));
    for (const [i, weight] of [50, 48, 2, 0, 0, 0].entries()) expect(weights[i]).toBeCloseTo(weight, 12);
  });

  it.each(['start', 'clean'] as const)('leaves the probabilities of the %s image', async (reference) => {
    const batches: LossBatch[] = [];
    const onGradient = (batch: LossBatch) => batches.push({ ...batch, x: batch.x.slice() });
    const context = contextOf(attackedModel(classifier, { onGradient }), { norm: 'Linf', epsilon: 1e-4 });
    await gama({ ...OPTIONS, iterations: 8, reference }).run(points, context);
    const from = reference === 'clean' ? points.x : batches[0]!.x;
    const expected = points.images.flatMap((row) => probabilities(logitsAt(imageOf(from, row, 40))));
    expect(largestGap(batches[1]!.references!, expected)).toBeLessThan(1e-6);
    expect([...batches[0]!.weights!]).toEqual(points.images.map(() => (reference === 'clean' ? 50 : 0)));
  });

  it('starts in a corner of the cube, within [0, 1]', async () => {
    const batches: LossBatch[] = [];
    const onGradient = (batch: LossBatch) => batches.push({ ...batch, x: batch.x.slice() });
    const context = contextOf(attackedModel(classifier, { onGradient }), { norm: 'Linf', epsilon: 0.5 });
    await gama({ ...OPTIONS, iterations: 1 }).run(points, context);
    const ends = Array.from(batches[0]!.x, (value, k) => Math.abs(value - points.x[k]!));
    expect(batches[0]!.x.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(ends.every((offset) => offset > 0.35)).toBe(true);
    const ups = batches[0]!.x.filter((value, k) => value > points.x[k]!).length;
    expect(ups / points.x.length).toBeCloseTo(0.5, 1);
  });

  it('costs what it announces', async () => {
    let asked = 0;
    const model = attackedModel(classifier, { onGradient: ({ labels }) => (asked += labels.length) });
    const attack = gama({ ...OPTIONS, iterations: 9, eot: 2, restarts: 3 });
    await attack.run(points, contextOf(model, { norm: 'Linf', epsilon: 1e-6 }));
    expect(attack.cost(6)).toEqual({ forwards: 3, gradients: 54 });
    expect(asked).toBe(54 * points.images.length);
  });

  it.each(['L2', 'L1'] as const)('is refused in %s', async (norm) => {
    const run = gama(OPTIONS).run(points, contextOf(attackedModel(classifier), { norm, epsilon: 1 }));
    await expect(run).rejects.toThrow(ConfigError);
    await expect(run).rejects.toThrow(`gama is an attack in Linf, the norm is ${norm}`);
  });
});

function probabilities(logits: readonly number[]): number[] {
  const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
  return logits.map((value) => Math.exp(value) / total);
}
