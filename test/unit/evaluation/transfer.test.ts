import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAttack } from '../../../src/attacks/suites.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { defendedModel } from '../../../src/defense/defended-model.ts';
import type { EvaluationImages } from '../../../src/evaluation/image-state.ts';
import { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import { evaluateImages } from '../../../src/evaluation/protocol.ts';
import { type Classifier, layerOf } from '../../../src/models/classifier.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import type { AttackSpec } from '../../../src/schemas/attacks.ts';
import { golden } from '../../support/golden.ts';
import { modelOf } from '../../support/models.ts';

const IMAGES = 12;
const ATTACKS: readonly AttackSpec[] = [
  { attack: 'apgd-ce', iterations: 8, restarts: 2 },
  { attack: 'apgd-t', iterations: 6, targets: 3 },
  { attack: 'fab-t', iterations: 6, targets: 2 },
  { attack: 'pgd', iterations: 6 },
  { attack: 'gama', iterations: 6 },
  { attack: 'pma', iterations: 6 },
  { attack: 'malt', iterations: 6, targets: 3 },
  { attack: 'square', queries: 300 },
  { attack: 'rays', queries: 300 },
];
const LAYER4 = 'test/fixtures/shapes10/layer4.masks.npy';

describe('an attack made on another model', () => {
  let classifier: Classifier;
  let base: OnnxModel;
  let again: OnnxModel;
  let images: EvaluationImages;
  beforeAll(async () => {
    classifier = await openClassifier({ path: 'examples/demo/shapes10-rn18-w8.pt' });
    [base, again] = [modelOf(classifier), modelOf(classifier)];
    const path = 'examples/demo/test.bin';
    const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: IMAGES });
    const x = await data.pixels(0, IMAGES);
    images = { x, labels: data.labels, images: Array.from({ length: IMAGES }, (_, image) => image) };
  });
  afterAll(() => Promise.all([base?.release(), again?.release()]));

  const evaluate = (target: OnnxModel, spec: AttackSpec, craftedOn?: OnnxModel) =>
    evaluateImages(target, images, {
      suite: [
        {
          attack: createAttack(spec),
          group: 'all',
          ...(craftedOn === undefined ? {} : { craftedOn: async () => craftedOn }),
        },
      ],
      threat: { norm: 'Linf', epsilon: 12 / 255 },
      seed: 1,
      batchSize: 5,
      examples: 'last',
    });

  it.each(ATTACKS)('$attack from the base to itself is the attack on the base', async (spec) => {
    const [direct, transferred] = [await evaluate(base, spec), await evaluate(base, spec, again)];
    expect(transferred.outcomes).toEqual(direct.outcomes);
    // Where an attack has an example it is shown first; what it thinks most of can only break more, and here breaks no other.
    expect(transferred.adversarial).toEqual(direct.adversarial);
    expect(direct.outcomes.some(({ brokenBy }) => brokenBy !== null)).toBe(true);
  });

  it('is judged by the model under evaluation alone', async () => {
    const layer = layerOf(classifier, 'layer4');
    const variant = { id: 'loir', mask: { kind: 'top-k' } } as const;
    const defense = { layer, masks: golden(LAYER4), temperature: 0.01, smoothing: null };
    const evaluated = defendedModel(classifier, variant, defense);
    const defended = new OnnxModel(evaluated, classifier.imageShape, classifier.classes, onnxRuntime());
    const spec: AttackSpec = { attack: 'apgd-ce', iterations: 20 };
    const { outcomes, adversarial } = await evaluate(defended, spec, base);
    const broken = outcomes.filter(({ brokenBy }) => brokenBy !== null);
    expect(broken.length).toBeGreaterThan(0);
    for (const { image, label, adversarialPrediction } of broken) {
      const size = base.imageSize;
      const x = adversarial.slice(image * size, (image + 1) * size);
      const logits = [...(await defended.logits(x, []))];
      expect(logits.indexOf(Math.max(...logits))).toBe(adversarialPrediction);
      expect(adversarialPrediction).not.toBe(label);
    }
    await defended.release();
  });

  it('sees through a hard mask with the gradient of the soft one', async () => {
    const layer = layerOf(classifier, 'layer4');
    const variant = { id: 'loir', mask: { kind: 'top-k' } } as const;
    const defense = { layer, masks: golden(LAYER4), smoothing: null };
    const open = (temperature: number, pseudoLabel: 'soft' | 'hard') =>
      new OnnxModel(
        defendedModel(classifier, variant, { ...defense, temperature, pseudoLabel }),
        classifier.imageShape,
        classifier.classes,
        onnxRuntime(),
      );
    const models = { sharp: open(1e-4, 'soft'), hard: open(1, 'hard'), soft: open(1, 'soft') };
    const batch = { x: images.x, labels: images.labels };
    const gradients = Object.fromEntries(
      await Promise.all(
        Object.entries(models).map(async ([name, model]) => [name, await model.gradient('ce', batch, [])]),
      ),
    );
    // A hard mask is a soft one at temperature 0 ...
    const gap = (a: Float32Array, b: Float32Array) => a.reduce((most, v, k) => Math.max(most, Math.abs(v - b[k]!)), 0);
    expect(gap(gradients.hard.logits, gradients.sharp.logits)).toBeLessThan(1e-3);
    expect(gap(gradients.hard.logits, gradients.soft.logits)).toBeGreaterThan(0.1);
    // ... but keeps a gradient through the first pass, which the sharp one has lost.
    expect(gap(gradients.hard.gradient, gradients.sharp.gradient)).toBeGreaterThan(1e-3);
    await Promise.all(Object.values(models).map((model) => model.release()));
  });
});
