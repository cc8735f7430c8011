import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { randomTensor } from '../support/run.ts';
import { expectShapes } from '../support/shapes.ts';

const N: Dim = { batch: 1 };

const REDUCTIONS = ['Mean', 'Sum', 'Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSum', 'LogSumExp'];

describe('shapes of layers and reductions, against onnxruntime', () => {
  it.each(REDUCTIONS)('Reduce%s', (kind) =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 2 })),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        async (axes, keep, noop, negative) => {
          await expectShapes((graph) => {
            const x = graph.input('x', [N, 3, 4]);
            const named = axes.map((axis) => (negative ? axis - 3 : axis));
            const attributes = { keepdims: Number(keep), noop_with_empty_axes: Number(noop) };
            return graph.op(`Reduce${kind}`, axes.length > 0 ? [x, graph.ints(named)] : [x], attributes);
          });
        },
      ),
      { seed: 17, numRuns: 10 },
    ),
  );

  it('ArgMax, ArgMin, TopK', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 3, 4]);
      return [
        graph.op('ArgMax', [x], { axis: 1 }),
        graph.op('ArgMin', [x], { axis: -1, keepdims: 0 }),
        ...graph.ops('TopK', [x, graph.ints([2])], { outputs: ['top', 'at'] }),
      ];
    }));

  it('MatMul of matrices, stacks and vectors', () =>
    expectShapes((graph) => {
      const [x, stack, vector] = [graph.input('x', [N, 2, 3, 4]), graph.input('y', [2, 4, 5]), graph.input('v', [4])];
      return [graph.op('MatMul', [x, stack]), graph.op('MatMul', [x, vector]), graph.op('MatMul', [vector, stack])];
    }));

  it('Gemm, transposed and with every bias', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 3]);
      const [weight, turned] = [graph.input('w', [3, 5]), graph.input('t', [5, 3])];
      return [
        graph.op('Gemm', [x, weight]),
        graph.op('Gemm', [x, turned, graph.constant([1, 2, 3, 4, 5])], { transB: 1 }),
        graph.op('Gemm', [weight, x, graph.constant(1)], { transA: 1, transB: 1 }),
      ];
    }));

  it('global pools', () =>
    expectShapes((graph) => {
      const [image, line] = [graph.input('x', [N, 3, 4, 5]), graph.input('y', [N, 3, 7])];
      return ['GlobalAveragePool', 'GlobalMaxPool'].flatMap((op) => [graph.op(op, [image]), graph.op(op, [line])]);
    }));

  it('normalisations', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 4, 5, 6]);
      const vector = (length: number) => graph.initializer(graph.fresh('v'), randomTensor([length], 1));
      const scale = vector(4);
      return [
        graph.op('BatchNormalization', [x, scale, scale, scale, graph.constant([1, 1, 1, 1])]),
        graph.op('InstanceNormalization', [x, scale, scale]),
        graph.op('LRN', [x], { size: 3 }),
        graph.op('LpNormalization', [x], { axis: 1 }),
        graph.op('MeanVarianceNormalization', [x]),
        graph.op('LayerNormalization', [x, vector(6)]),
        ...graph.ops('LayerNormalization', [x, graph.initializer('w', randomTensor([5, 6], 1))], {
          attributes: { axis: 2 },
          outputs: ['y', 'mean', 'deviation'],
        }),
      ];
    }));

  it('GroupNormalization of opset 18, scales per group', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 4, 5, 6]);
      const scale = graph.constant([1, 2]);
      return graph.op('GroupNormalization', [x, scale, scale], { num_groups: 2 });
    }));

  const refusals: [string, (graph: GraphBuilder) => string, string][] = [
    [
      'weights of other channels',
      (graph) => graph.op('Conv', [graph.input('x', [N, 4, 8, 8]), graph.input('w', [6, 3, 3, 3])], {}, { name: 'c' }),
      'Conv "c": input [N, 4, 8, 8] does not fit weight [6, 3, 3, 3] in 1 groups',
    ],
    [
      'an inner dimension that differs',
      (graph) => graph.op('MatMul', [graph.input('x', [N, 4]), graph.input('w', [5, 3])], {}, { name: 'm' }),
      'MatMul "m": shapes [N, 4] and [5, 3] cannot be multiplied',
    ],
    [
      'a bias that would widen the product',
      (graph) =>
        graph.op(
          'Gemm',
          [graph.input('x', [N, 4]), graph.input('w', [4, 1]), graph.input('b', [3])],
          {},
          { name: 'g' },
        ),
      'Gemm "g": the third operand [3] does not fit the product [N, 1]',
    ],
    [
      'an axis that is not there',
      (graph) => graph.op('Softmax', [graph.input('x', [N, 4])], { axis: 2 }, { name: 's' }),
      'Softmax "s": axis 2 is not one of a shape of 2 dimensions',
    ],
    [
      'a BatchNormalization in training mode',
      (graph) => {
        const [x, v] = [graph.input('x', [N, 2]), graph.constant([1, 1])];
        return graph.op('BatchNormalization', [x, v, v, v, v], { training_mode: 1 }, { name: 'b' });
      },
      'BatchNormalization "b": it is in training mode, where images of a batch depend on each other; export the model in eval mode',
    ],
  ];
  const impossible: [string, (graph: GraphBuilder) => string, string][] = [
    [
      'a Dropout in training mode',
      (graph) => {
        const training = graph.initializer('t', { type: 'bool', dims: [], data: Uint8Array.of(1) });
        return graph.op('Dropout', [graph.input('x', [N, 4]), '', training], {}, { name: 'd' });
      },
      'Dropout "d": it is in training mode; export the model in eval mode',
    ],
    [
      'a shape below zero',
      (graph) => graph.op('TopK', [graph.input('x', [N, 4]), graph.ints([-2])], {}, { name: 'k' }),
      'TopK "k" would give shape [N, -2]',
    ],
    [
      'more of the largest than there are',
      (graph) => graph.op('TopK', [graph.input('x', [N, 4]), graph.ints([5])], {}, { name: 'k' }),
      'TopK "k": the 5 largest along axis 1 of [N, 4]',
    ],
    [
      'the largest among the images of a batch',
      (graph) => graph.op('TopK', [graph.input('x', [N, 4]), graph.ints([1])], { axis: 0 }, { name: 'k' }),
      'TopK "k": it mixes the images of a batch: it sorts them among each other',
    ],
  ];
  it.each([...refusals, ...impossible])('refuses %s', (_, build, message) => {
    expect(() => build(new GraphBuilder())).toThrow(new GraphError(message));
  });
});
