import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../../src/datasets/dataset.ts';
import { openDataset } from '../../src/datasets/open.ts';
import { topUnitMasks } from '../../src/defense/mask-set.ts';
import type { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { type Classifier, layerOf } from '../../src/models/classifier.ts';
import { loirScores } from '../../src/ranking/loir.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { golden, largestError, median, rowErrors } from '../support/golden.ts';
import { type DefenseCase, modelOf, streams, streamsOf } from '../support/models.ts';

const fixture = (name: string) => golden(`test/fixtures/shapes10/${name}.npy`);

/** As in make_shapes10_goldens.py. */
const [IMAGES, GRADIENTS, PROBE, KEEP] = [16, 4, 200, 12];

let classifier: Classifier;
let test10: Dataset;
let probe: Dataset;

beforeAll(async () => {
  classifier = await openClassifier({ path: 'examples/demo/shapes10-rn18-w8.pt' });
  test10 = await openDataset({ format: 'cifar10', path: 'examples/demo/test.bin', split: 'test' });
  probe = await openDataset({ format: 'cifar10', path: 'examples/demo/train.bin', split: 'train', limit: PROBE });
});

const CASES: Record<string, () => DefenseCase | undefined> = {
  base: () => undefined,
  'layer4.loir': () => ({ layer: 'layer4', masks: fixture('layer4.masks') }),
  'layer4.conf': () => ({ layer: 'layer4', masks: fixture('layer4.masks'), temperature: 1, threshold: 0.5 }),
  'layer3.loir': () => ({ layer: 'layer3', masks: fixture('layer3.masks') }),
  'layer3.conf': () => ({ layer: 'layer3', masks: fixture('layer3.masks'), temperature: 1, threshold: 0.5 }),
};

describe.each(Object.entries(CASES))('shapes10 ResNet-18 against PyTorch float64: %s', (name, defense) => {
  let model: OnnxModel;
  beforeAll(() => {
    model = modelOf(classifier, defense());
  });
  afterAll(() => model.release());

  test('logits within 1e-4', async () => {
    const logits = await model.logits(await test10.pixels(0, IMAGES), streams(IMAGES));
    expect(largestError(logits, fixture(`${name}.logits`).data)).toBeLessThan(1e-4);
  });

  test('gradients within 1e-3 per image, 1e-5 in the median on the base model', async () => {
    const x = await test10.pixels(0, GRADIENTS);
    const { gradient } = await model.gradient(
      'ce',
      { x, labels: test10.labels.subarray(0, GRADIENTS) },
      streams(GRADIENTS),
    );
    const errors = rowErrors(gradient, fixture(`${name}.gradient`).data, GRADIENTS);
    expect(median(errors)).toBeLessThan(name === 'base' ? 1e-5 : 1e-3);
    expect(errors.filter((error) => error < 1e-3).length).toBeGreaterThanOrEqual(GRADIENTS - 1);
  });
});

describe.each(['layer4', 'layer3'])('LO-IR of %s against brute force in PyTorch', (layer) => {
  test.each([
    ['scores', false],
    ['signed', true],
  ] as const)('%s within 1e-3 of the largest', async (name, signed) => {
    const options = { signed, batchSize: 64, runtime: onnxRuntime({ threads: 2 }) };
    const scores = await loirScores(classifier, layerOf(classifier, layer), probe, options);
    const expected = fixture(`${layer}.${name}`).data;
    const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expect(Math.max(...scores.data.map((score, i) => Math.abs(score - (expected[i] ?? 0))))).toBeLessThan(
      1e-3 * largest,
    );
    if (!signed) expect([...topUnitMasks(scores, KEEP).data]).toEqual([...fixture(`${layer}.masks`).data]);
  });
});

test('smoothing with given noise, logits within 1e-4', async () => {
  const noise = fixture('smoothing.noise');
  const model = modelOf(classifier, {
    layer: 'layer4',
    masks: fixture('layer4.masks'),
    smoothing: { samples: 2, sigma: 1 },
  });
  const logits = await model.logits(await test10.pixels(0, 4), streamsOf(noise.data, 4));
  await model.release();
  expect(largestError(logits, fixture('smoothing.logits').data)).toBeLessThan(1e-4);
});
