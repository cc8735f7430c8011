import { describe, expect, it } from 'vitest';
import type { Attack } from '../../../src/attacks/core/attack.ts';
import { createAttack } from '../../../src/attacks/suites.ts';
import { RunError } from '../../../src/errors.ts';
import type { CheckpointStore, SavedEvaluation } from '../../../src/evaluation/image-state.ts';
import type { MeteredModel } from '../../../src/evaluation/onnx-model.ts';
import { evaluateImages } from '../../../src/evaluation/protocol.ts';
import { imageOutcomeSchema } from '../../../src/schemas/results.ts';
import { attackedModel, equidistantClassifier, type ModelOptions } from '../../support/linear-model.ts';

const SIZE = 16;
const CLASSES = 5;
const LINEAR = equidistantClassifier(CLASSES, SIZE);
const EPSILON = 0.2;

/** The linear model, with NaN for logits where `breaksDown` says so of an image and what is right for it. */
function breakingModel(
  breaksDown: (logits: readonly number[], x: readonly number[]) => boolean,
  options?: ModelOptions,
) {
  const logits = (x: readonly number[]) => {
    const values = LINEAR.logits(x);
    return breaksDown(values, x) ? values.map(() => Number.NaN) : values;
  };
  const model: MeteredModel = {
    ...attackedModel({ ...LINEAR, logits }, options),
    usage: { forwards: 0, gradients: 0, runtimeSeconds: 0 },
  };
  return model;
}

/** Images of class `row % CLASSES`, near enough to the boundary for any attack; the first number tells which one it is. */
function imagesOf(count: number) {
  const x = new Float32Array(count * SIZE).fill(0.5);
  const labels = Int32Array.from({ length: count }, (_, row) => row % CLASSES);
  for (let row = 0; row < count; row++) {
    const weights = LINEAR.weights[labels[row]!]!;
    for (let k = 0; k < SIZE; k++) x[row * SIZE + k] = 0.5 + 0.05 * weights[k]!;
  }
  return { x, labels, images: Array.from({ length: count }, (_, row) => 10 + row) };
}

/** Whether x is one of these clean images. */
function isImage(x: readonly number[], rows: readonly number[]): boolean {
  const clean = imagesOf(5).x;
  return rows.some((row) => x.every((value, k) => value === clean[row * SIZE + k]));
}

function evaluate(model: MeteredModel, attacks: readonly Attack[], count = 3, checkpoints?: CheckpointStore) {
  return evaluateImages(model, imagesOf(count), {
    suite: attacks.map((attack) => ({ attack, group: 'all' })),
    threat: { norm: 'Linf', epsilon: EPSILON },
    seed: 1,
    batchSize: 8,
    examples: 'last',
    ...(checkpoints && { checkpoints }),
  });
}

const ATTACKS = [
  createAttack({ attack: 'apgd-ce', iterations: 20 }),
  createAttack({ attack: 'apgd-t', iterations: 10 }),
  createAttack({ attack: 'fab-t', iterations: 10 }),
  createAttack({ attack: 'square', queries: 200 }),
  createAttack({ attack: 'pgd', iterations: 10 }),
  createAttack({ attack: 'gama', iterations: 10 }),
  createAttack({ attack: 'pma', iterations: 10 }),
  createAttack({ attack: 'malt', iterations: 10 }),
  createAttack({ attack: 'rays', queries: 200 }),
] as const;

const argmax = (logits: readonly number[]) => logits.indexOf(Math.max(...logits));

describe('a clean image without a prediction', () => {
  it('is wrong, is not attacked, and is there in the outcome', async () => {
    const isSecond = (x: readonly number[]) => isImage(x, [1]);
    const { outcomes, checks } = await evaluate(
      breakingModel((_, x) => isSecond(x)),
      [ATTACKS[0]],
    );
    expect(outcomes[1]).toEqual({
      ...{ image: 11, label: 1, cleanPrediction: null, brokenBy: null, adversarialPrediction: null },
    });
    expect(imageOutcomeSchema.parse(outcomes[1])).toEqual(outcomes[1]);
    expect(outcomes[0]).toMatchObject({ cleanPrediction: 0, brokenBy: 'apgd-ce' });
    expect(checks.zeroGradientImages).toBe(0);
  });

  it('ends the evaluation where there are more than three, before any attack', async () => {
    const attack: Attack = { ...ATTACKS[0], run: () => expect.unreachable() };
    const model = breakingModel(() => true);
    await expect(evaluate(model, [attack], 4)).rejects.toThrow(RunError);
    await expect(evaluate(model, [attack], 4)).rejects.toThrow(/no prediction on images 10-13: .*NaN or infinite/);
    const { outcomes } = await evaluate(model, [ATTACKS[0]], 3);
    expect(outcomes.map(({ cleanPrediction }) => cleanPrediction)).toEqual([null, null, null]);
  });
});

describe('a point without a prediction', () => {
  // Wherever it would be wrong, the model breaks down: no attack may call that an example, nor may it go unsaid.
  const wrongIsNaN = () => {
    const images = imagesOf(3);
    const labelOf = (x: readonly number[]) => {
      const distances = [0, 1, 2].map((row) =>
        Math.max(...x.map((value, k) => Math.abs(value - images.x[row * SIZE + k]!))),
      );
      return images.labels[distances.indexOf(Math.min(...distances))]!;
    };
    return breakingModel((logits, x) => argmax(logits) !== labelOf(x));
  };

  it.each(ATTACKS)('is no adversarial example of $name, and is named', async (attack) => {
    const { outcomes } = await evaluate(wrongIsNaN(), [attack]);
    for (const { brokenBy, unpredicted } of outcomes) expect([brokenBy, unpredicted]).not.toEqual([null, undefined]);
    expect(outcomes.filter(({ unpredicted }) => unpredicted?.includes(attack.name)).length).toBeGreaterThan(0);
  });

  it('ends the evaluation where it is met around more than three images', async () => {
    const moved = breakingModel((_, x) => !isImage(x, [0, 1, 2, 3, 4]));
    await expect(evaluate(moved, [ATTACKS[0]], 5)).rejects.toThrow(/no prediction on images 10-14:/);
  });

  it('does not count where it lies outside the threat model', async () => {
    // RayS begins at a corner of [0, 1].
    const isCorner = (x: readonly number[]) => x.every((value) => value === 0 || value === 1);
    const { outcomes } = await evaluate(
      breakingModel((_, x) => isCorner(x)),
      [ATTACKS[6]],
    );
    expect(outcomes.map(({ unpredicted }) => unpredicted)).toEqual([undefined, undefined, undefined]);
  });

  it('is remembered by an evaluation that goes on', async () => {
    let kept: SavedEvaluation | undefined;
    const saving = { load: async () => undefined, delete: async () => {} };
    const evaluation = (checkpoints: CheckpointStore) => evaluate(wrongIsNaN(), ATTACKS.slice(0, 2), 3, checkpoints);
    const whole = await evaluation({
      ...saving,
      maybeSave(save) {
        kept = structuredClone(save());
        return undefined;
      },
    });
    expect(kept?.current).not.toBeNull();
    const resumed = await evaluation({ load: async () => kept, maybeSave: () => undefined });
    expect(resumed.outcomes).toEqual(whole.outcomes);
    expect(whole.outcomes.some(({ unpredicted }) => unpredicted?.includes('apgd-ce'))).toBe(true);
  });

  it('is no adversarial example of the target of an attack made on another model', async () => {
    const whole = breakingModel(() => false);
    const target = breakingModel((_, x) => !isImage(x, [0, 1, 2]));
    const { outcomes } = await evaluateImages(target, imagesOf(3), {
      suite: [{ attack: ATTACKS[0], group: 'all', craftedOn: async () => whole }],
      ...{ threat: { norm: 'Linf', epsilon: EPSILON }, seed: 1, batchSize: 8, examples: 'last' },
    });
    for (const { brokenBy, unpredicted } of outcomes) expect([brokenBy, unpredicted]).toEqual([null, ['apgd-ce']]);
  });
});

describe('checks of a model', () => {
  it('count gradients that are zero and gradients that are NaN apart', async () => {
    const gradients = [Number.NaN, 0, 1];
    const model = breakingModel(() => false);
    const odd: MeteredModel = {
      ...model,
      async gradient(loss, batch, streams) {
        const answer = await model.gradient(loss, batch, streams);
        return { ...answer, gradient: answer.gradient.map((_, k) => gradients[Math.floor(k / SIZE)]!) };
      },
    };
    const idle: Attack = {
      ...ATTACKS[0],
      run: async ({ x, images }) => ({ x, broken: new Uint8Array(images.length) }),
    };
    const { checks } = await evaluate(odd, [idle]);
    expect(checks).toMatchObject({ zeroGradientImages: 1, nonFiniteGradientImages: 1 });
    expect((await evaluate(model, [idle])).checks).not.toHaveProperty('nonFiniteGradientImages');
  });

  it('take a model that answers with NaN now and then for a random one', async () => {
    const model = breakingModel(() => false);
    let calls = 0;
    const flaky: MeteredModel = {
      ...model,
      logits: async (x, streams) =>
        calls++ === 2 ? new Float32Array(3 * CLASSES).fill(Number.NaN) : model.logits(x, streams),
    };
    const idle: Attack = {
      ...ATTACKS[0],
      run: async ({ x, images }) => ({ x, broken: new Uint8Array(images.length) }),
    };
    expect((await evaluate(flaky, [idle])).checks.randomised).toBe(true);
  });
});
