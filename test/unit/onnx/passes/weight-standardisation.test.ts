import { describe, expect, it } from 'vitest';
import { int64 } from '../../../../src/numeric/tensor.ts';
import { float } from '../../../../src/onnx/builder.ts';
import type { Dim, Model } from '../../../../src/onnx/graph.ts';
import { canonicalise } from '../../../../src/onnx/passes/canonicalise.ts';
import { type ModelParts, modelOf, node, opsOf } from '../support/models.ts';
import { randomTensor, runOrt } from '../support/run.ts';

const N: Dim = { batch: 1 };

/** As exporters write the convolutions of BiT and NFNet: BatchNorm in training mode, over weights; or over what is named. */
function standardised(normalised: string): Model {
  const weight = randomTensor([1, 4, 27], 1);
  const parts: ModelParts = {
    inputs: { x: [N, 3, 6, 6] },
    initializers: {
      weight,
      shape: int64([4], [4, 3, 3, 3]),
      scale: randomTensor([4], 2),
      bias: randomTensor([4], 3),
      mean: randomTensor([4], 4),
      variance: randomTensor([4], 5),
    },
    opset: 17,
    nodes: [
      node('BatchNormalization', [normalised, 'scale', 'bias', 'mean', 'variance'], 'z', {
        training_mode: 1,
        epsilon: float(1e-5),
      }),
      node('Reshape', ['z', 'shape'], 'filters'),
      node('Conv', ['x', 'filters'], 'y', { pads: [1, 1, 1, 1] }),
    ],
  };
  return modelOf(parts);
}

/** z by its definition, in float64. */
function expectedFilters(): number[] {
  const [w, scale, bias] = [randomTensor([1, 4, 27], 1), randomTensor([4], 2), randomTensor([4], 3)];
  return [0, 1, 2, 3].flatMap((channel) => {
    const row = [...w.data.slice(27 * channel, 27 * (channel + 1))];
    const mean = row.reduce((sum, value) => sum + value, 0) / 27;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 27;
    return row.map(
      (value) => (scale.data[channel]! * (value - mean)) / Math.sqrt(variance + 1e-5) + bias.data[channel]!,
    );
  });
}

describe('BatchNormalization in training mode', () => {
  it('over weights is computed once: the filters of the convolution', async () => {
    const model = canonicalise(standardised('weight'));
    expect(opsOf(model)).toEqual(['Conv']);
    const filters = model.graph.initializers.get(model.graph.nodes[0]!.inputs[1]!)!;
    for (const [at, value] of expectedFilters().entries()) expect(Number(filters.data[at])).toBeCloseTo(value, 5);
    await runOrt(model, { x: randomTensor([2, 3, 6, 6], 6) });
  });

  it('over images is refused: they would depend on each other', () => {
    const images = modelOf({
      inputs: { x: [N, 4, 6, 6] },
      initializers: { v: randomTensor([4], 1) },
      opset: 17,
      nodes: [node('BatchNormalization', ['x', 'v', 'v', 'v', 'v'], 'y', { training_mode: 1 })],
    });
    expect(() => canonicalise(images)).toThrow('images of a batch depend on each other');
  });

  it('is told before opset 14 by the statistics among the outputs', () => {
    const norm = node('BatchNormalization', ['x', 'v', 'v', 'v', 'v'], 'y');
    const images = (outputs: readonly string[]) =>
      modelOf({
        inputs: { x: [N, 4, 6, 6] },
        initializers: { v: randomTensor([4], 1) },
        opset: 9,
        nodes: [{ ...norm, outputs }],
        outputs: ['y'],
      });
    expect(() => canonicalise(images(['y', 'm', 'v2', 'sm', 'sv']))).toThrow('images of a batch depend on each other');
    expect(opsOf(canonicalise(images(['y', '', '', '', ''])))).toEqual(opsOf(canonicalise(images(['y']))));
  });
});
