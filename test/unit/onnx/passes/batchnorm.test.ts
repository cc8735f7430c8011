import { describe, expect, it } from 'vitest';
import { float32 } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { foldBatchNorm } from '../../../../src/onnx/passes/batchnorm.ts';
import { expectSameOutputs, opsOf } from '../support/models.ts';
import { randomNumbers, randomTensor } from '../support/run.ts';

const N: Dim = { batch: 1 };

let seed = 0;
function weight(graph: GraphBuilder, ...dims: number[]): string {
  return graph.initializer(graph.fresh('w'), randomTensor(dims, ++seed));
}

function batchNorm(graph: GraphBuilder, value: string, channels: number): string {
  const next = randomNumbers(++seed);
  const variance = float32(
    [channels],
    Array.from({ length: channels }, () => 0.5 + next()),
  );
  const vectors = [0, 1, 2].map(() => weight(graph, channels));
  return graph.op('BatchNormalization', [value, ...vectors, graph.initializer(graph.fresh('variance'), variance)]);
}

/** Builds, folds, checks the outputs, and gives what is left. */
async function foldedOps(build: (graph: GraphBuilder) => string | string[]): Promise<string[]> {
  const builder = new GraphBuilder();
  const model = builder.build([build(builder)].flat());
  const result = { ...model, graph: foldBatchNorm(model.graph) };
  await expectSameOutputs(model, result);
  return opsOf(result);
}

describe('foldBatchNorm', () => {
  const layers: [string, (graph: GraphBuilder) => string, string[]][] = [
    [
      'Conv in groups',
      (graph) =>
        batchNorm(
          graph,
          graph.op('Conv', [graph.input('x', [N, 4, 5, 5]), weight(graph, 6, 2, 3, 3), weight(graph, 6)], { group: 2 }),
          6,
        ),
      ['Conv'],
    ],
    [
      'Conv without bias',
      (graph) => batchNorm(graph, graph.op('Conv', [graph.input('x', [N, 3, 5]), weight(graph, 6, 3, 3)]), 6),
      ['Conv'],
    ],
    [
      'ConvTranspose in groups',
      (graph) =>
        batchNorm(
          graph,
          graph.op('ConvTranspose', [graph.input('x', [N, 4, 5, 5]), weight(graph, 4, 3, 2, 3), weight(graph, 6)], {
            group: 2,
          }),
          6,
        ),
      ['ConvTranspose'],
    ],
    [
      'Gemm',
      (graph) =>
        batchNorm(graph, graph.op('Gemm', [graph.input('x', [N, 4]), weight(graph, 4, 3), weight(graph, 3)]), 3),
      ['Gemm'],
    ],
    [
      'Gemm with alpha, beta and a transposed weight',
      (graph) => {
        const attributes = {
          transB: 1,
          alpha: { kind: 'float', value: 0.5 },
          beta: { kind: 'float', value: 2 },
        } as const;
        return batchNorm(
          graph,
          graph.op('Gemm', [graph.input('x', [N, 4]), weight(graph, 3, 4), weight(graph, 1, 3)], attributes),
          3,
        );
      },
      ['Gemm'],
    ],
    [
      'Gemm with a scalar bias',
      (graph) =>
        batchNorm(graph, graph.op('Gemm', [graph.input('x', [N, 4]), weight(graph, 4, 3), graph.constant(0.5)]), 3),
      ['Gemm'],
    ],
    [
      'MatMul',
      (graph) => batchNorm(graph, graph.op('MatMul', [graph.input('x', [N, 4]), weight(graph, 4, 3)]), 3),
      ['Gemm'],
    ],
    [
      'MatMul and Add',
      (graph) =>
        batchNorm(
          graph,
          graph.op('Add', [weight(graph, 3), graph.op('MatMul', [graph.input('x', [N, 4]), weight(graph, 4, 3)])]),
          3,
        ),
      ['Gemm'],
    ],
    [
      'two in a row',
      (graph) =>
        batchNorm(
          graph,
          batchNorm(graph, graph.op('Conv', [graph.input('x', [N, 3, 5]), weight(graph, 6, 3, 3)]), 6),
          6,
        ),
      ['Conv'],
    ],
  ];
  it.each(layers)('into %s', async (_, build, left) => {
    expect(await foldedOps(build)).toEqual(left);
  });

  it('but not where something else reads the layer', async () => {
    const left = await foldedOps((graph) => {
      const layer = graph.op('Conv', [graph.input('x', [N, 3, 5]), weight(graph, 6, 3, 3)]);
      return [batchNorm(graph, layer, 6), layer];
    });
    expect(left).toEqual(['Conv', 'BatchNormalization']);
  });

  it('nor where there is no layer, or its weights are computed', async () => {
    expect(await foldedOps((graph) => batchNorm(graph, graph.op('Relu', [graph.input('x', [N, 3, 5])]), 3))).toEqual([
      'Relu',
      'BatchNormalization',
    ]);
    const left = await foldedOps((graph) =>
      batchNorm(graph, graph.op('Conv', [graph.input('x', [N, 3, 5]), graph.op('Erf', [weight(graph, 6, 3, 3)])]), 6),
    );
    expect(left).toEqual(['Erf', 'Conv', 'BatchNormalization']);
  });

  it('leaves the weights that another layer shares', async () => {
    const left = await foldedOps((graph) => {
      const [x, shared] = [graph.input('x', [N, 3, 5]), weight(graph, 3, 3, 1)];
      return graph.op('Conv', [batchNorm(graph, graph.op('Conv', [x, shared]), 3), shared]);
    });
    expect(left).toEqual(['Conv', 'Conv']);
  });
});
