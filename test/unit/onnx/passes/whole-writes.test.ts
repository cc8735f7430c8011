import { describe, expect, it } from 'vitest';
import { int64 } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import type { Dim, Model } from '../../../../src/onnx/graph.ts';
import { canonicalise } from '../../../../src/onnx/passes/canonicalise.ts';
import { opsOf } from '../support/models.ts';
import { randomTensor, runOrt } from '../support/run.ts';

/** x + 1 written over x [2, 3] of the one image, at these addresses [2, 3, 3]. */
function written(batch: Dim, addresses: readonly number[]): Model {
  const b = new GraphBuilder();
  const x = b.input('x', [batch, 2, 3]);
  const indices = b.initializer('addresses', int64([1, 2, 3, 3], addresses));
  return b.build([b.op('ScatterND', [x, indices, b.op('Add', [x, b.constant(1)])])]);
}

const IN_ORDER = [0, 1].flatMap((row) => [0, 1, 2].flatMap((column) => [0, row, column]));

describe('a ScatterND at every address of a frozen image', () => {
  it('is what it writes, for any batch', async () => {
    const result = canonicalise(written(1, IN_ORDER));
    expect(opsOf(result)).toEqual(['Add']);
    const x = randomTensor([4, 2, 3], 1);
    const [output] = Object.values(await runOrt(result, { x }));
    expect(output!.data).toEqual(x.data.map((value) => value + 1));
    expect(result.graph.outputs[0]!.dims).toEqual([{ batch: 1 }, 2, 3]);
  });

  it('is refused in another order, which only the frozen batch has', () => {
    expect(() => canonicalise(written(1, [...IN_ORDER].reverse()))).toThrow('ScatterND');
  });
});
