import { beforeAll, describe, expect, test } from 'vitest';
import { bruteForceScores } from '../../../bench/brute-force.ts';
import type { Dataset } from '../../../src/datasets/dataset.ts';
import { openDataset } from '../../../src/datasets/open.ts';
import { RunError } from '../../../src/errors.ts';
import { type Classifier, layerOf, type MaskLayer, maskLayer } from '../../../src/models/classifier.ts';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { sideInputs } from '../../../src/onnx/splice.ts';
import { linearTailEffects } from '../../../src/ranking/linear-tail.ts';
import { loirScores } from '../../../src/ranking/loir.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';

const runtime = onnxRuntime({ threads: 2 });

let classifier: Classifier;
let probe: Dataset;
beforeAll(async () => {
  classifier = await openClassifier({ path: 'examples/demo/shapes10-rn18-w8.pt' });
  probe = await openDataset({ format: 'cifar10', path: 'examples/demo/train.bin', split: 'train', limit: 24 });
});

/** Any value of the graph as a layer. */
function anywhere(tensor: string): MaskLayer {
  return maskLayer(tensor, tensor, GraphBuilder.from(classifier.model.graph).shape(tensor));
}

async function expectBruteForce(layer: MaskLayer): Promise<void> {
  const scores = await loirScores(classifier, layer, probe, { signed: false, batchSize: 10, runtime });
  const expected = await bruteForceScores(classifier, layer, probe, 10, runtime);
  const largest = Math.max(...expected.data);
  expect(Math.max(...scores.data.map((score, i) => Math.abs(score - (expected.data[i] ?? 0))))).toBeLessThan(
    1e-4 * largest,
  );
}

describe('LO-IR', () => {
  test('equals running the model once per unit, whatever the batch size', async () => {
    for (const name of ['layer4', 'layer2']) await expectBruteForce(layerOf(classifier, name));
  });

  test('of a value with a shortcut around it', async () => {
    const [inner = ''] = classifier.model.graph.nodes.flatMap(({ op, outputs }) =>
      op === 'Relu' && outputs[0]?.startsWith('layer4.1.bn1') ? outputs : [],
    );
    const layer = anywhere(inner);
    expect(sideInputs(classifier.model.graph, layer.tensor, classifier.logits)).toHaveLength(1);
    await expectBruteForce(layer);
  });

  test('takes the closed form behind a linear tail alone', async () => {
    const closed = async (layer: MaskLayer) => {
      const boundary = [layer.tensor, ...sideInputs(classifier.model.graph, layer.tensor, classifier.logits)];
      return (await linearTailEffects(classifier, layer, boundary, runtime)) !== undefined;
    };
    expect(await closed(layerOf(classifier, 'layer4'))).toBe(true);
    expect(await closed(anywhere('avgpool'))).toBe(true);
    expect(await closed(layerOf(classifier, 'layer3'))).toBe(false);
  });

  test.each(['layer4', 'layer2'])('of %s names the image whose logits are no numbers', async (name) => {
    const broken: Dataset = {
      ...probe,
      async pixels(first, count) {
        const x = await probe.pixels(first, count);
        const size = x.length / count;
        if (first <= 13 && 13 < first + count) x.fill(Number.NaN, (13 - first) * size, (14 - first) * size);
        return x;
      },
    };
    const options = { signed: false, batchSize: 10, runtime };
    const scores = loirScores(classifier, layerOf(classifier, name), broken, options);
    await expect(scores).rejects.toThrow(RunError);
    await expect(scores).rejects.toThrow(/^probe image 13 cannot be ranked on: without unit \d+ of layer\d its logit/);
  });

  test('of feature maps behind a linear tail', async () => {
    const before = classifier.model.graph.nodes.find(({ op }) => op === 'GlobalAveragePool')?.inputs[0] ?? '';
    expect(anywhere(before).dims).toHaveLength(3);
    await expectBruteForce(anywhere(before));
  });
});
