import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { ELEMENT_CODES } from '../../../../src/onnx/element-types.ts';
import type { Dim, Model } from '../../../../src/onnx/graph.ts';
import { simplify } from '../../../../src/onnx/passes/simplify.ts';
import { expectSameOutputs, modelOf, node, opsOf } from '../support/models.ts';
import { randomTensor } from '../support/run.ts';

const N: Dim = { batch: 1 };

async function checkedSimplify(model: Model): Promise<Model> {
  const result = { ...model, graph: simplify(model.graph) };
  await expectSameOutputs(model, result);
  expect(simplify(result.graph)).toEqual(result.graph);
  return result;
}

/** Relu, the op, Neg: what is left of the op. */
async function leftOf(dims: readonly Dim[], build: (graph: GraphBuilder, x: string) => string): Promise<string[]> {
  const builder = new GraphBuilder();
  const middle = build(builder, builder.op('Relu', [builder.input('x', dims)]));
  const result = await checkedSimplify(builder.build([builder.op('Neg', [middle])]));
  return opsOf(result).slice(1, -1);
}

describe('simplify', () => {
  const needless: [string, (graph: GraphBuilder, x: string) => string][] = [
    ['Identity', (graph, x) => graph.op('Identity', [x])],
    ['Dropout', (graph, x) => graph.op('Dropout', [x])],
    ['Cast to the same type', (graph, x) => graph.op('Cast', [x], { to: ELEMENT_CODES.float32 })],
    ['Pad by nothing', (graph, x) => graph.op('Pad', [x, graph.ints([0, 0, 0, 0, 0, 0])])],
    ['Reshape to the same shape', (graph, x) => graph.op('Reshape', [x, graph.ints([0, -1, 4])])],
    [
      'Slice of everything',
      (graph, x) => graph.op('Slice', [x, graph.ints([0]), graph.ints([2 ** 40]), graph.ints([1])]),
    ],
    ['Expand to the same shape', (graph, x) => graph.op('Expand', [x, graph.ints([1, 4])])],
    ['Tile once', (graph, x) => graph.op('Tile', [x, graph.ints([1, 1, 1])])],
    ['Concat of one', (graph, x) => graph.op('Concat', [x], { axis: 1 })],
    ['Transpose to the same order', (graph, x) => graph.op('Transpose', [x], { perm: [0, 1, 2] })],
    ['Squeeze of nothing', (graph, x) => graph.op('Squeeze', [x])],
    [
      'a Transpose and its inverse',
      (graph, x) => graph.op('Transpose', [graph.op('Transpose', [x], { perm: [1, 2, 0] })], { perm: [2, 0, 1] }),
    ],
  ];
  it.each(needless)('drops %s', async (_, build) => {
    expect(await leftOf([N, 3, 4], build)).toEqual([]);
  });

  const needed: [string, (graph: GraphBuilder, x: string) => string][] = [
    ['a Pad', (graph, x) => graph.op('Pad', [x, graph.ints([0, 0, 0, 0, 0, 1])])],
    [
      'a Slice that turns round',
      (graph, x) => graph.op('Slice', [x, graph.ints([-1]), graph.ints([-9]), graph.ints([1]), graph.ints([-1])]),
    ],
    ['a Transpose', (graph, x) => graph.op('Transpose', [x], { perm: [0, 2, 1] })],
    ['a Flatten', (graph, x) => graph.op('Flatten', [x])],
  ];
  it.each(needed)('keeps %s', async (_, build) => {
    expect(await leftOf([N, 3, 4], build)).toHaveLength(1);
  });

  it('makes one Transpose of two', async () => {
    const left = await leftOf([N, 3, 4], (graph, x) =>
      graph.op('Transpose', [graph.op('Transpose', [x], { perm: [1, 2, 0] })], { perm: [1, 0, 2] }),
    );
    expect(left).toEqual(['Transpose']);
  });

  it('lets layers share the bias that torch hands out by Identity', async () => {
    const model = modelOf({
      inputs: { x: [N, 2, 5, 5] },
      initializers: { w: randomTensor([2, 2, 1, 1], 1), v: randomTensor([2, 2, 1, 1], 2), b: randomTensor([2], 3) },
      nodes: [node('Identity', ['b'], 'c'), node('Conv', ['x', 'w', 'b'], 'h'), node('Conv', ['h', 'v', 'c'], 'y')],
    });
    const { graph } = await checkedSimplify(model);
    expect(graph.nodes.map(({ inputs }) => inputs[2])).toEqual(['b', 'b']);
  });

  it('keeps the names of outputs', async () => {
    const chain = modelOf({ nodes: [node('Relu', ['x'], 'h'), node('Identity', ['h'], 'y')] });
    expect((await checkedSimplify(chain)).graph.nodes).toMatchObject([{ op: 'Relu', outputs: ['y'] }]);
    const input = modelOf({ nodes: [node('Identity', ['x'], 'y')] });
    expect((await checkedSimplify(input)).graph.nodes).toMatchObject([{ op: 'Identity', outputs: ['y'] }]);
    const twice = modelOf({
      nodes: [node('Relu', ['x'], 'h'), node('Identity', ['h'], 'y'), node('Dropout', ['h'], 'z')],
      outputs: ['y', 'z', 'h'],
    });
    expect((await checkedSimplify(twice)).graph.outputs.map(({ name }) => name)).toEqual(['y', 'z', 'h']);
  });
});
