import { beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../../src/datasets/dataset.ts';
import { openDataset } from '../../src/datasets/open.ts';
import { defendedModel } from '../../src/defense/defended-model.ts';
import { fullMasks, topUnitMasks } from '../../src/defense/mask-set.ts';
import { type Classifier, layerOf } from '../../src/models/classifier.ts';
import { randomScores } from '../../src/ranking/methods.ts';
import { openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { golden, largestError, rowErrors } from '../support/golden.ts';
import { modelOf, streams } from '../support/models.ts';

const LAYERS = ['layer1', 'layer2', 'layer3', 'layer4'];
const COUNT = 6;

let classifier: Classifier;
let data: Dataset;
beforeAll(async () => {
  classifier = await openClassifier({ path: 'examples/demo/shapes10-rn18-w8.pt' });
  data = await openDataset({ format: 'cifar10', path: 'examples/demo/test.bin', split: 'test', limit: COUNT });
});

const masksFor = (units: number, keep: number) =>
  topUnitMasks(randomScores(units, classifier.classes, 'test', 0), keep);

describe.each(LAYERS)('masking %s', (name) => {
  test('with full masks is the model itself, gradient included', async () => {
    const { units } = layerOf(classifier, name);
    const [base, control] = [modelOf(classifier), modelOf(classifier, { layer: name, masks: fullMasks(10, units) })];
    const batch = { x: await data.pixels(0, COUNT), labels: data.labels };
    const [expected, actual] = [
      await base.gradient('ce', batch, streams(COUNT)),
      await control.gradient('ce', batch, streams(COUNT)),
    ];
    await Promise.all([base.release(), control.release()]);
    expect(largestError(actual.logits, expected.logits)).toBeLessThan(1e-5);
    expect(Math.max(...rowErrors(actual.gradient, expected.gradient, COUNT))).toBeLessThan(1e-3);
  });

  test('runs the trunk once: only what is behind the layer is there twice', () => {
    const layer = layerOf(classifier, name);
    const options = { layer, masks: masksFor(layer.units, 2), temperature: 0.01, smoothing: null };
    const { model } = defendedModel(classifier, { id: 'loir', mask: { kind: 'top-k' } }, options);
    const convolutions = (nodes: typeof model.graph.nodes) => nodes.filter(({ op }) => op === 'Conv').length;
    const inTrunk = { layer1: 5, layer2: 10, layer3: 15, layer4: 20 }[name] ?? 0;
    expect(convolutions(classifier.model.graph.nodes)).toBe(20);
    expect(convolutions(model.graph.nodes)).toBe(20 + (20 - inTrunk));
  });
});

describe('confidence-adaptive masking', () => {
  const layer = 'layer4';
  const logitsOf = async (defense?: Parameters<typeof modelOf>[1]) => {
    const model = modelOf(classifier, defense);
    const logits = await model.logits(await data.pixels(0, COUNT), streams(COUNT));
    await model.release();
    return logits;
  };

  test('is full masking where confidence is certain, and none where it stays below the threshold', async () => {
    const masks = masksFor(64, 12);
    const certain = await logitsOf({ layer, masks, threshold: 0.5, temperature: 1e-4 });
    expect(largestError(certain, await logitsOf({ layer, masks, temperature: 1e-4 }))).toBeLessThan(1e-4);
    const unsure = await logitsOf({ layer, masks, threshold: 0.5, temperature: 1e3 });
    expect(largestError(unsure, await logitsOf())).toBeLessThan(1e-5);
  });

  test('lies in between on the ramp', async () => {
    const masks = golden('test/fixtures/shapes10/layer4.masks.npy');
    const ramp = await logitsOf({ layer, masks, threshold: 0.5, temperature: 1 });
    expect(largestError(ramp, await logitsOf())).toBeGreaterThan(1e-3);
    expect(largestError(ramp, await logitsOf({ layer, masks, temperature: 1 }))).toBeGreaterThan(1e-3);
  });
});

describe('randomised smoothing', () => {
  test('draws the same noise for the same stream, and gives the plain defence as sigma goes to 0', async () => {
    const masks = masksFor(64, 12);
    const smoothed = modelOf(classifier, { layer: 'layer4', masks, smoothing: { samples: 3, sigma: 0.1 } });
    const x = await data.pixels(0, COUNT);
    const first = await smoothed.logits(x, streams(COUNT));
    expect(await smoothed.logits(x, streams(COUNT))).toEqual(first);
    await smoothed.release();
    const still = modelOf(classifier, {
      layer: 'layer4',
      masks,
      temperature: 1,
      smoothing: { samples: 2, sigma: 1e-9 },
    });
    const plain = modelOf(classifier, { layer: 'layer4', masks, temperature: 1 });
    expect(largestError(await still.logits(x, streams(COUNT)), await plain.logits(x, streams(COUNT)))).toBeLessThan(
      1e-4,
    );
    await Promise.all([still.release(), plain.release()]);
  });
});
