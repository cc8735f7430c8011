import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataset } from '../../src/datasets/open.ts';
import { topUnitMasks } from '../../src/defense/mask-set.ts';
import { type Classifier, layerOf } from '../../src/models/classifier.ts';
import { decodeNpy } from '../../src/numeric/npy.ts';
import { toNumbers } from '../../src/numeric/tensor.ts';
import { loirScores } from '../../src/ranking/loir.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { golden, largestError, median, rowErrors } from '../support/golden.ts';
import { type DefenseCase, modelOf, streams, streamsOf } from '../support/models.ts';
import { describeWithShared } from '../support/shared.ts';

interface ReferenceModel {
  readonly file: string;
  /** Images with logits; with gradients. */
  readonly images: number;
  readonly gradients: number;
  /** [C, H, W] of `x` where it is not CIFAR. */
  readonly ownImages?: readonly [number, number, number];
}

const MODELS: Record<string, ReferenceModel> = {
  'rn18-w16': { file: 'cifar10-rn18-w16.pt', images: 64, gradients: 16 },
  'wrn10-2-b8': { file: 'wrn10-2-b8.module-subblock.pt', images: 16, gradients: 4 },
  'preact-rn18-w8-c100': { file: 'preact-rn18-w8-c100.legacy.pt', images: 16, gradients: 4 },
  'rn50-w8-c20': { file: 'rn50-w8-c20.pth.tar', images: 4, gradients: 4, ownImages: [3, 96, 96] },
};

/** Masks are given per model: `rn18-w16` at tau = 0.01 unless the name says otherwise, the random-weight models at tau = 1. */
const DEFENSES: Record<string, Record<string, Omit<DefenseCase, 'masks'>>> = {
  'rn18-w16': {
    'loir.layer4': { layer: 'layer4' },
    'loir.layer3': { layer: 'layer3' },
    'conf0.8.layer4': { layer: 'layer4', threshold: 0.8 },
    'conf0.9.layer4': { layer: 'layer4', threshold: 0.9 },
    'conf0.8.layer3': { layer: 'layer3', threshold: 0.8 },
    'conf0.9.layer3': { layer: 'layer3', threshold: 0.9 },
    'conf0.5.tau1.layer4': { layer: 'layer4', threshold: 0.5, temperature: 1 },
  },
  'wrn10-2-b8': {
    'loir.tau1.block3': { layer: 'block3', temperature: 1 },
    'loir.tau1.block2': { layer: 'block2', temperature: 1 },
  },
  'preact-rn18-w8-c100': {
    'loir.tau1.layer4': { layer: 'layer4', temperature: 1 },
    'loir.tau1.layer2': { layer: 'layer2', temperature: 1 },
  },
  'rn50-w8-c20': {
    'loir.tau1.layer4': { layer: 'layer4', temperature: 1 },
    'loir.tau1.layer3': { layer: 'layer3', temperature: 1 },
  },
};

const CASES = Object.keys(MODELS).flatMap((model) =>
  [undefined, ...Object.keys(DEFENSES[model] ?? {})].map((defense) => ({ model, defense })),
);

describeWithShared('reference models against PyTorch float64', (reference) => {
  const goldens = (name: string) => golden(join(reference, 'goldens', `${name}.npy`));

  test.each(CASES)('$model $defense', async ({ model: name, defense }) => {
    const { file, images, gradients, ownImages } = MODELS[name]!;
    const classifier = await openClassifier({
      path: join(reference, 'checkpoints', file),
      ...(ownImages && { imageShape: ownImages }),
    });
    const model = modelOf(classifier, defense === undefined ? undefined : defenseOf(name, defense));
    const key = defense === undefined ? `${name}.base` : `${name}.defended.${defense}`;
    const { x, labels } = await inputsOf(name, images);
    const logits = await model.logits(x, streams(images));
    const differentiated = { x: x.subarray(0, gradients * model.imageSize), labels: labels.subarray(0, gradients) };
    const { gradient, loss } = await model.gradient('ce', differentiated, streams(gradients));
    await model.release();

    expect(largestError(logits, goldens(`${key}.logits`).data), 'logits').toBeLessThan(1e-4);
    expect(largestError(loss, goldens(`${key}.ce_loss`).data.subarray(0, gradients)), 'loss').toBeLessThan(1e-4);
    const errors = rowErrors(gradient, goldens(`${key}.ce_grad`).data, gradients);
    expect(median(errors), 'median gradient error').toBeLessThan(defense === undefined ? 1e-5 : 1e-3);
    // Kernels differ with a processor's instructions: a pre-activation within rounding of zero flips a ReLU, by 2e-3 of the gradient.
    expect(Math.max(...errors), 'largest gradient error').toBeLessThan(0.1);
    expect(errors.filter((error) => error > 1e-3).length, 'images beyond 1e-3').toBeLessThanOrEqual(
      Math.max(1, Math.floor(gradients * 0.15)),
    );
  });

  test.each([
    ['rn18-w16', 'layer4', 1000],
    ['rn18-w16', 'layer3', 1000],
    ['wrn10-2-b8', 'block3', 300],
    ['wrn10-2-b8', 'block2', 300],
  ] as const)('LO-IR of %s %s equals brute force within 1e-3', async (name, layer, probeImages) => {
    const classifier = await openClassifier({ path: join(reference, 'checkpoints', MODELS[name]!.file) });
    const probe = await openDataset({
      format: 'cifar10',
      path: join(reference, 'cifar10/train_5000.bin'),
      split: 'train',
      limit: probeImages,
    });
    for (const [file, signed] of [
      ['scores', false],
      ['signed_scores', true],
    ] as const) {
      const options = { signed, batchSize: 64, runtime: onnxRuntime({ threads: 2 }) };
      const scores = await loirScores(classifier, layerOf(classifier, layer), probe, options);
      const expected = goldens(`${name}.loir.${layer}.${file}`).data;
      const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      const error = Math.max(...scores.data.map((score, i) => Math.abs(score - (expected[i] ?? 0))));
      expect(error / largest, file).toBeLessThan(1e-3);
      if (name === 'rn18-w16' && !signed) {
        expect([...topUnitMasks(scores, 16).data]).toEqual([...goldens(`${name}.loir.${layer}.masks_k16`).data]);
      }
    }
  });

  test('smoothing with the given noise', async () => {
    const classifier: Classifier = await openClassifier({ path: join(reference, 'checkpoints/cifar10-rn18-w16.pt') });
    const masks = goldens('rn18-w16.loir.layer4.masks_k16');
    const model = modelOf(classifier, { layer: 'layer4', masks, smoothing: { samples: 4, sigma: 1 } });
    const { x } = await inputsOf('rn18-w16', 8);
    const logits = await model.logits(x, streamsOf(goldens('rn18-w16.smoothing.noise').data, 8));
    await model.release();
    expect(largestError(logits, goldens('rn18-w16.smoothing.logits').data)).toBeLessThan(1e-4);
  });

  function defenseOf(name: string, defense: string): DefenseCase {
    const options = DEFENSES[name]![defense]!;
    const masks = name === 'rn18-w16' ? `${name}.loir.${options.layer}.masks_k16` : `${name}.defended.${defense}.masks`;
    return { ...options, masks: goldens(masks) };
  }

  async function inputsOf(name: string, images: number): Promise<{ x: Float32Array; labels: Int32Array }> {
    const path = join(reference, 'cifar10/test_1000.bin');
    const data = await openDataset({ format: 'cifar10', path, split: 'test', limit: images });
    const own = MODELS[name]!.ownImages === undefined ? undefined : goldens(`${name}.base.x`).data;
    const labels = name === 'rn18-w16' ? data.labels : labelsOf(`${name}.base.y`);
    return { x: own ?? (await data.pixels(0, images)), labels };
  }

  function labelsOf(name: string): Int32Array {
    const path = join(reference, 'goldens', `${name}.npy`);
    return Int32Array.from(toNumbers(decodeNpy(readFileSync(path), path)));
  }
});
