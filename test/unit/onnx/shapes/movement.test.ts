import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { expectShapes } from '../support/shapes.ts';

const N: Dim = { batch: 1 };
const RUNS = { seed: 13, numRuns: 40 };

const sizes = (min: number, max: number, count: number) =>
  fc.array(fc.integer({ min, max }), { minLength: count, maxLength: count });

describe('shapes of ops that move elements, against onnxruntime', () => {
  it('Slice', () =>
    fc.assert(
      fc.asyncProperty(
        sizes(1, 6, 2),
        sizes(-8, 8, 2),
        sizes(-8, 8, 2),
        sizes(-3, 3, 2),
        async (dims, starts, ends, steps) => {
          const used = steps.map((step) => step || 1);
          await expectShapes((graph) => {
            const x = graph.input('x', [N, ...dims]);
            return graph.op('Slice', [x, graph.ints(starts), graph.ints(ends), graph.ints([-2, 2]), graph.ints(used)]);
          });
        },
      ),
      { seed: 13, numRuns: 150 },
    ));

  it('Slice to the end of the batch, and of its first image', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [{ batch: 2 }, 3]);
      const cut = (start: number, end: number) => graph.op('Slice', [x, graph.ints([start]), graph.ints([end])]);
      return [cut(0, 2 ** 31 - 1), cut(0, 2 ** 52), cut(0, 1), cut(1, 2)];
    }));

  it('Pad, negative pads and axes among them', () =>
    fc.assert(
      fc.asyncProperty(sizes(3, 6, 2), sizes(-1, 3, 4), fc.boolean(), async (dims, pads, named) => {
        await expectShapes((graph) => {
          const x = graph.input('x', [N, ...dims]);
          if (named) return graph.op('Pad', [x, graph.ints(pads), '', graph.ints([2, -2])]);
          return graph.op('Pad', [x, graph.ints([0, pads[0]!, pads[1]!, 0, pads[2]!, pads[3]!])]);
        });
      }),
      RUNS,
    ));

  it('Reshape of a random shape to its factors, with 0 and -1', () =>
    fc.assert(
      fc.asyncProperty(sizes(1, 4, 3), fc.integer({ min: 0, max: 5 }), async ([a, b, c], form) => {
        const [x, y, z] = [a!, b!, c!];
        const targets = [[-1, x * y * z], [0, -1], [0, 0, y * z], [-1, x, y, z, 1], [-1], [z, -1, x * y]];
        await expectShapes((graph) =>
          graph.op('Reshape', [graph.input('x', [N, x, y, z]), graph.ints(targets[form]!)]),
        );
      }),
      RUNS,
    ));

  it('Reshape merges the batch with other dimensions and splits it again', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [5, N, 12]);
      const heads = graph.reshape(x, [5, { batch: 4 }, 3]);
      expect(graph.shape(heads)).toEqual([5, { batch: 4 }, 3]);
      return [heads, graph.reshape(heads, [5, N, 4, 3])];
    }));

  it('Flatten at every axis', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 3, 4]);
      return [0, 1, 2, 3, -1, -2].map((axis) => graph.op('Flatten', [x], { axis }));
    }));

  it('Transpose', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 3, 4]);
      return [graph.op('Transpose', [x]), graph.op('Transpose', [x], { perm: [1, 0, 2] })];
    }));

  it('Squeeze and Unsqueeze', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 1, 4, 1]);
      return [
        graph.op('Squeeze', [x, graph.ints([1])]),
        graph.op('Squeeze', [x, graph.ints([-1, 1])]),
        graph.op('Unsqueeze', [x, graph.ints([0, -1])]),
        graph.op('Unsqueeze', [x, graph.ints([5, 2])]),
      ];
    }));

  it('Expand and Tile', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 1, 4]);
      return [
        graph.op('Expand', [x, graph.ints([3, 1])]),
        graph.op('Expand', [x, graph.ints([2, 1, 3, 1])]),
        graph.op('Tile', [x, graph.ints([2, 3, 1])]),
      ];
    }));

  it('Concat, also of batches', () =>
    expectShapes((graph) => {
      const [x, y] = [graph.input('x', [N, 1, 4]), graph.input('y', [N, 3, 4])];
      return [graph.op('Concat', [x, y], { axis: 1 }), graph.op('Concat', [x, x], { axis: -3 })];
    }));

  it('Split by sizes and by number', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [{ batch: 2 }, 7]);
      const split = (inputs: string[], attributes: Record<string, number>, count: number) =>
        graph.ops('Split', [x, ...inputs], {
          attributes,
          outputs: Array.from({ length: count }, () => graph.fresh('part')),
        });
      return [
        ...split([graph.ints([2, 4, 1])], { axis: 1 }, 3),
        ...split([], { axis: 1, num_outputs: 2 }, 2),
        ...split([], { axis: -2, num_outputs: 2 }, 2),
      ];
    }));

  it('DepthToSpace and SpaceToDepth', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 8, 4, 6]);
      return ['DepthToSpace', 'SpaceToDepth'].map((op) => graph.op(op, [x], { blocksize: 2 }));
    }));

  it('Gather, GatherElements, GatherND', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 3, 4]);
      return [
        graph.op('Gather', [x, graph.ints(1)], { axis: 1 }),
        graph.op('Gather', [x, graph.ints([0, 2])], { axis: -2 }),
        graph.op('GatherElements', [x, graph.input('at', [N, 2, 1], 'int64')], { axis: 1 }),
        graph.op('GatherND', [x, graph.input('where', [N, 5, 1], 'int64')], { batch_dims: 1 }),
        graph.op('GatherND', [x, graph.ints([1, 2])]),
      ];
    }));

  it('ScatterElements, ScatterND, OneHot', () =>
    expectShapes((graph) => {
      const [x, at] = [graph.input('x', [N, 3]), graph.input('at', [N, 1], 'int64')];
      return [
        graph.op('ScatterElements', [x, at, graph.input('new', [N, 1])], { axis: 1 }),
        graph.op('ScatterND', [x, at, graph.input('rows', [N, 3])]),
        graph.op('OneHot', [at, graph.ints(4), graph.constant([0, 1])]),
        graph.op('OneHot', [at, graph.ints([4]), graph.constant([0, 1])], { axis: 0 }),
      ];
    }));

  it('Resize by scales', () =>
    fc.assert(
      fc.asyncProperty(
        sizes(1, 20, 2),
        fc.tuple(fc.float({ min: Math.fround(0.3), max: 3, noNaN: true }), fc.constantFrom(0.1, 0.7, 1.1, 2)),
        async (dims, scales) => {
          await expectShapes((graph) => {
            const x = graph.input('x', [N, 2, ...dims.map((dim) => dim + 4)]);
            return graph.op('Resize', [x, '', graph.constant([1, 1, ...scales].map((s) => Math.max(s, 0.25)))]);
          });
        },
      ),
      RUNS,
    ));

  it('Resize by sizes, with every aspect policy', () =>
    fc.assert(
      fc.asyncProperty(
        sizes(2, 20, 2),
        sizes(2, 20, 2),
        fc.constantFrom('stretch', 'not_larger', 'not_smaller'),
        async (dims, wanted, policy) => {
          await expectShapes((graph) => {
            const x = graph.input('x', [N, 2, ...dims]);
            return graph.op('Resize', [x, '', '', graph.ints(wanted)], {
              axes: [2, 3],
              keep_aspect_ratio_policy: policy,
            });
          });
        },
      ),
      RUNS,
    ));

  const refusals: [string, (graph: GraphBuilder) => string, string][] = [
    [
      'a Reshape that does not fit',
      (graph) => graph.op('Reshape', [graph.input('x', [N, 7]), graph.ints([2, -1])], {}, { name: 'r' }),
      'Reshape "r": input [N, 7] does not fit shape [2, -1]',
    ],
    [
      'a Reshape to a fixed batch',
      (graph) => graph.op('Reshape', [graph.input('x', [N, 2, 3]), graph.ints([1, 6])], {}, { name: 'r' }),
      'Reshape "r": input [N, 2, 3] does not fit shape [1, 6]',
    ],
    [
      'a Slice that depends on the batch size',
      (graph) => graph.op('Slice', [graph.input('x', [N, 3]), graph.ints([0]), graph.ints([-1])], {}, { name: 's' }),
      'Slice "s": the batch of [N, 3] is cut where it depends on the batch size',
    ],
    [
      'a Concat along the batch with a constant',
      (graph) =>
        graph.op('Concat', [graph.input('x', [N, 3]), graph.constant([1, 2, 3], [1, 3])], { axis: 0 }, { name: 'c' }),
      'Concat "c": shapes [N, 3] and [1, 3] cannot be joined along axis 0',
    ],
    [
      'a Squeeze of a long axis',
      (graph) => graph.op('Squeeze', [graph.input('x', [N, 3]), graph.ints([0])], {}, { name: 'q' }),
      'Squeeze "q": axis 0 of input [N, 3] is not 1',
    ],
    [
      'a shape that is data',
      (graph) => graph.op('Expand', [graph.input('x', [N, 3]), graph.input('shape', [2], 'int64')], {}, { name: 'e' }),
      'Expand "e": input 1 (shape) depends on the data, and has to be known without',
    ],
  ];
  it.each(refusals)('refuses %s', (_, build, message) => {
    expect(() => build(new GraphBuilder())).toThrow(new GraphError(message));
  });
});
