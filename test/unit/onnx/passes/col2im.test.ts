import { describe, expect, it } from 'vitest';
import { int64 } from '../../../../src/numeric/tensor.ts';
import type { AttributeLike } from '../../../../src/onnx/builder.ts';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { upgrade } from '../../../../src/onnx/passes/upgrade.ts';
import { expectSameOutputs, modelOf, node, opsOf } from '../support/models.ts';

const N: Dim = { batch: 1 };

function folded(
  columns: readonly Dim[],
  image: number[],
  block: number[],
  attributes: Record<string, AttributeLike> = {},
) {
  return modelOf({
    inputs: { x: columns },
    initializers: { image: int64([image.length], image), block: int64([block.length], block) },
    opset: 18,
    nodes: [node('Col2Im', ['x', 'image', 'block'], 'y', attributes)],
  });
}

describe('Col2Im as a ConvTranspose', () => {
  it.each([
    ['overlapping windows', folded([N, 2 * 9, 9], [5, 5], [3, 3])],
    ['strides and pads, as VOLO folds', folded([N, 3 * 9, 4], [4, 4], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] })],
    ['cells that no window covers', folded([N, 2 * 4, 6], [5, 7], [2, 2], { strides: [2, 2] })],
    ['dilations, one size an axis', folded([N, 2 * 6, 12], [5, 6], [3, 2], { dilations: [1, 2], pads: [0, 0, 0, 0] })],
  ])('%s', async (_, model) => {
    const lowered = upgrade(model);
    expect(opsOf(lowered)).toEqual(['Reshape', 'ConvTranspose']);
    await expectSameOutputs(model, lowered);
  });

  it('refuses columns that are not those of its windows', () => {
    expect(() => upgrade(folded([N, 18, 8], [5, 5], [3, 3]))).toThrow(
      'Col2Im "y": columns [N, 18, 8] are not 9 taps of 9 windows',
    );
  });
});
