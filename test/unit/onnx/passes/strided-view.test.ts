import { describe, expect, it } from 'vitest';
import { int64 } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import type { Dim, Model } from '../../../../src/onnx/graph.ts';
import { canonicalise } from '../../../../src/onnx/passes/canonicalise.ts';
import { expectSameOutputs, opsOf } from '../support/models.ts';

const N: Dim = { batch: 1 };

/**
 * torch.as_strided of x [batch, 2, 3] with `stride` from image to image, as torch 2.13's default exporter writes it: all
 * elements as one vector, gathered at n stride + offset.
 */
function strided(batch: Dim, stride: number, offsets: readonly number[]): Model {
  const b = new GraphBuilder();
  const x = b.input('x', [batch, 2, 3]);
  const vector = b.op('Reshape', [x, b.ints([-1])]);
  const size = b.op('Squeeze', [b.op('Shape', [x], { start: 0, end: 1 })]);
  const images = b.op('Mul', [b.op('Range', [b.ints(0), size, b.ints(1)]), b.ints(stride)]);
  const places = b.initializer('places', int64([1, offsets.length, 1], offsets));
  const index = b.op('Add', [b.op('Unsqueeze', [images, b.ints([1, 2])]), places]);
  return b.build([b.op('Gather', [vector, index])]);
}

describe('a view of each image, gathered from all of them', () => {
  it('is a Reshape where it is all of an image in order', async () => {
    const model = strided(N, 6, [0, 1, 2, 3, 4, 5]);
    const result = canonicalise(model);
    expect(opsOf(result)).toEqual(['Reshape']);
    await expectSameOutputs(model, result, 3);
  });

  it.each([
    ['some elements', [0, 2, 4]],
    ['elements twice', [5, 5, 0, 1]],
  ])('gathers %s image by image', async (_, offsets) => {
    const model = strided(N, 6, offsets);
    const result = canonicalise(model);
    const { nodes, initializers } = result.graph;
    const gather = nodes.find(({ op }) => op === 'Gather')!;
    expect(initializers.get(gather.inputs[1]!)).toEqual(int64([offsets.length], offsets));
    await expectSameOutputs(model, result, 3);
  });

  it.each([1, 4])('is found in a graph frozen at a batch of %i, which any batch can have then', async (size) => {
    const result = canonicalise(strided(size, 6, [0, 2, 4]));
    await expectSameOutputs(strided(N, 6, [0, 2, 4]), result, 3);
  });

  it.each([
    ['the stride is not that of an image', 4, [0, 1]],
    ['it reaches into the next image', 6, [0, 7]],
  ])('stays where %s, and where frozen is refused', (_, stride, offsets) => {
    expect(opsOf(canonicalise(strided(N, stride, offsets)))).toContain('Range');
    expect(() => canonicalise(strided(2, stride, offsets))).toThrow('Gather');
  });
});
