import { describe, expect, it } from 'vitest';
import { int64, toNumbers } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { ELEMENT_CODES } from '../../../../src/onnx/element-types.ts';
import type { Dim, Model } from '../../../../src/onnx/graph.ts';
import { fold } from '../../../../src/onnx/passes/fold.ts';
import { expectSameOutputs, opsOf } from '../support/models.ts';
import { randomTensor } from '../support/run.ts';

const N: Dim = { batch: 1 };

function folded(model: Model): Model {
  return { ...model, graph: fold(model.graph) };
}

/** Folds what is built, checks that the outputs stay, and gives the result. */
async function checkedFold(build: (graph: GraphBuilder) => string): Promise<Model> {
  const builder = new GraphBuilder();
  const model = builder.build([build(builder)]);
  const result = folded(model);
  await expectSameOutputs(model, result);
  await expectSameOutputs(model, result, 1);
  return result;
}

/** How torch writes x.shape[0]. */
function sizeOfBatch(graph: GraphBuilder, x: string): string {
  return graph.op('Unsqueeze', [graph.op('Gather', [graph.op('Shape', [x]), graph.ints(0)]), graph.ints([0])]);
}

describe('fold', () => {
  it('computes constant sub-graphs, large ones too', async () => {
    const { graph } = await checkedFold((b) => {
      const weight = b.initializer('w', randomTensor([80, 60], 1));
      const turned = b.op('Div', [b.op('Transpose', [weight], { perm: [1, 0] }), b.op('Sqrt', [b.constant(4)])]);
      return b.op('MatMul', [b.input('x', [N, 60]), turned]);
    });
    expect(opsOf({ graph })).toEqual(['MatMul']);
  });

  it('leaves a constant sub-graph with an op it cannot compute', async () => {
    const { graph } = await checkedFold((b) =>
      b.op('Add', [b.input('x', [N, 3]), b.op('Erf', [b.constant([1, 2, 3])])]),
    );
    expect(opsOf({ graph })).toEqual(['Erf', 'Add']);
  });

  it('writes the batch of a Reshape as -1', async () => {
    const { graph } = await checkedFold((b) => {
      const x = b.input('x', [N, 3, 8]);
      const target = b.op('Concat', [sizeOfBatch(b, x), b.ints([-1])], { axis: 0 });
      return b.op('Reshape', [x, target]);
    });
    expect(opsOf({ graph })).toEqual(['Reshape']);
    expect(toNumbers(graph.initializers.get(graph.nodes[0]!.inputs[1]!)!)).toEqual([-1, 24]);
  });

  it('writes a multiple of the batch as -1 too', async () => {
    const { graph } = await checkedFold((b) => {
      const x = b.input('x', [N, 4, 6]);
      const heads = b.op('Mul', [sizeOfBatch(b, x), b.ints([4])]);
      return b.op('Reshape', [x, b.op('Concat', [heads, b.ints([2, 3])], { axis: 0 })]);
    });
    expect(toNumbers(graph.initializers.get(graph.nodes[0]!.inputs[1]!)!)).toEqual([-1, 2, 3]);
  });

  it('shortens the way to the shape of an Expand, and leaves it alone from then on', async () => {
    const model = await checkedFold((b) => {
      const x = b.input('x', [N, 4]);
      const wanted = b.op('Concat', [sizeOfBatch(b, b.op('Relu', [x])), b.ints([-1, -1])], { axis: 0 });
      const ones = b.op('ConstantOfShape', [b.ints([3])], { value: { kind: 'tensor', value: int64([1], [1]) } });
      const kept = b.op('Equal', [wanted, b.op('Mul', [ones, b.ints(-1)])]);
      const token = b.op('Expand', [b.constant([1, 2, 3, 4], [1, 1, 4]), b.op('Where', [kept, ones, wanted])]);
      return b.op('Concat', [token, b.op('Unsqueeze', [x, b.ints([1])])], { axis: 1 });
    });
    expect(opsOf(model)).toEqual(['Shape', 'Concat', 'Expand', 'Unsqueeze', 'Concat']);
    expect(folded(model)).toEqual(model);
  });

  it('needs no batch size for an Expand whose input has the batch, nor for a Resize', async () => {
    const { graph } = await checkedFold((b) => {
      const x = b.input('x', [N, 2, 3, 4]);
      const wide = b.op('Expand', [b.op('ReduceSum', [x, b.ints([1])]), b.op('Shape', [x])]);
      const sizes = b.op('Concat', [sizeOfBatch(b, x), b.ints([2, 6, 5])], { axis: 0 });
      return b.op('Resize', [b.op('Div', [x, wide]), '', '', sizes], { mode: 'linear' });
    });
    expect(opsOf({ graph })).toEqual(['ReduceSum', 'Expand', 'Div', 'Resize']);
    const vector = (at: number, input: number) => toNumbers(graph.initializers.get(graph.nodes[at]!.inputs[input]!)!);
    expect(vector(1, 1)).toEqual([1, 2, 1, 1]);
    expect(vector(3, 3)).toEqual([2, 6, 5]);
  });

  it('shares that way between readers', async () => {
    const model = await checkedFold((b) => {
      const x = b.input('x', [N, 4]);
      const expanded = (width: number) => {
        const size = b.op('Mul', [sizeOfBatch(b, x), b.ints([width])]);
        return b.op('Expand', [b.constant(width), size]);
      };
      return b.op('Concat', [expanded(2), b.op('Mul', [expanded(3), b.op('Abs', [expanded(3)])])], { axis: 0 });
    });
    expect(opsOf(model)).toEqual(['Shape', 'Mul', 'Expand', 'Mul', 'Expand', 'Expand', 'Abs', 'Mul', 'Concat']);
  });

  it('keeps the batch size where a float is computed from it', async () => {
    const { graph } = await checkedFold((b) => {
      const x = b.input('x', [N, 4]);
      return b.op('Div', [x, b.op('Cast', [sizeOfBatch(b, x)], { to: ELEMENT_CODES.float32 })]);
    });
    expect(opsOf({ graph }).at(-1)).toBe('Div');
  });

  it('keeps an output that is constant', async () => {
    const builder = new GraphBuilder();
    builder.input('x', [N, 3]);
    const model = builder.build([
      builder.op('Add', [builder.constant(1), builder.constant(2)], {}, { outputs: ['three'] }),
    ]);
    expect(folded(model).graph.initializers.get('three')).toMatchObject({ data: Float32Array.of(3) });
  });
});
