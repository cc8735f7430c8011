import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { int64 } from '../../../src/numeric/tensor.ts';
import { upgrade } from '../../../src/onnx/passes/upgrade.ts';
import { openClassifier } from '../../../src/runs/inputs/open-classifier.ts';
import { golden, largestError, rowErrors } from '../../support/golden.ts';
import { modelOf, streams } from '../../support/models.ts';
import { expectSameOutputs, modelOf as graphOf, node } from '../onnx/support/models.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/runtime');
const images = golden(join(fixtures, 'images.npy')).data;
const IMAGES = 4;

describe("what onnxruntime's optimisers get wrong", () => {
  it.each(['pad-maxpool', 'slice-transpose'])('is not asked of them: %s', async (name) => {
    const model = modelOf(await openClassifier({ path: join(fixtures, `${name}.onnx`) }));
    try {
      const forward = await model.logits(images, streams(IMAGES));
      const batch = { x: images, labels: Int32Array.of(0, 1, 2, 3) };
      const { logits, gradient } = await model.gradient('ce', batch, streams(IMAGES));
      const expected = golden(join(fixtures, `${name}.logits.npy`)).data;
      expect(largestError(forward, expected)).toBeLessThan(1e-6);
      expect(largestError(logits, expected)).toBeLessThan(1e-6);
      const slopes = golden(join(fixtures, `${name}.gradient.npy`)).data;
      expect(Math.max(...rowErrors(gradient, slopes, IMAGES))).toBeLessThan(1e-5);
    } finally {
      await model.release();
    }
  });
});

describe('a Pad of some axes', () => {
  const padded = (axes: readonly number[], inputs: readonly string[]) =>
    graphOf({
      opset: 18,
      inputs: { x: [{ batch: 1 }, 3, 4, 5] },
      initializers: { pads: int64([4], [1, 0, -1, 2]), axes: int64([2], axes) },
      nodes: [node('Pad', inputs, 'y')],
    });

  it.each([[[2, 3]], [[-1, 1]]])('is written for all of them: %j', async (axes) => {
    const model = padded(axes, ['x', 'pads', '', 'axes']);
    const upgraded = upgrade(model);
    expect(upgraded.graph.nodes[0]!.inputs).toHaveLength(2);
    await expectSameOutputs(model, upgraded);
  });

  it('keeps what it pads with', async () => {
    const model = padded([2, 3], ['x', 'pads', 'fill', 'axes']);
    const fill = { type: 'float32', dims: [], data: Float32Array.of(0.5) } as const;
    const filled = {
      ...model,
      graph: { ...model.graph, initializers: new Map([...model.graph.initializers, ['fill', fill]]) },
    };
    const upgraded = upgrade(filled);
    expect(upgraded.graph.nodes[0]!.inputs).toHaveLength(3);
    await expectSameOutputs(filled, upgraded);
  });
});
