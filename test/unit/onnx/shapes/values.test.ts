import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { int64, toNumbers } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { ELEMENT_CODES } from '../../../../src/onnx/element-types.ts';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { expectShapes } from '../support/shapes.ts';

const N: Dim = { batch: 1 };
const RUNS = { seed: 19, numRuns: 40 };

/** Entries `from` to `to` of the shape of x. */
function shapePart(graph: GraphBuilder, x: string, from: number, to: number): string {
  const shape = graph.op('Shape', [x]);
  return graph.op('Slice', [shape, graph.ints([from]), graph.ints([to])]);
}

describe('values known before anything runs, against onnxruntime', () => {
  it('the shape arithmetic of a view', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 6, 4, 5]);
      const batch = graph.op('Gather', [graph.op('Shape', [x]), graph.ints(0)]);
      const rows = graph.op('Mul', [batch, graph.ints(3)]);
      const target = graph.op('Concat', [graph.op('Unsqueeze', [rows, graph.ints([0])]), graph.ints([2, -1])], {
        axis: 0,
      });
      const view = graph.op('Reshape', [x, target]);
      expect(graph.shape(view)).toEqual([{ batch: 3 }, 2, 20]);
      return [batch, rows, target, view];
    }));

  it('the expand of a class token: ConstantOfShape, Mul, Equal, Where', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 6, 4]);
      const wanted = graph.op('Concat', [shapePart(graph, x, 0, 1), graph.ints([-1, -1])], { axis: 0 });
      const ones = graph.op('ConstantOfShape', [graph.ints([3])], {
        value: { kind: 'tensor', value: int64([1], [1]) },
      });
      const kept = graph.op('Equal', [wanted, graph.op('Mul', [ones, graph.ints(-1)])]);
      const target = graph.op('Where', [kept, ones, wanted]);
      const token = graph.op('Expand', [graph.constant([1, 2, 3, 4], [1, 1, 4]), target]);
      expect(graph.shape(token)).toEqual([N, 1, 4]);
      return [target, token];
    }));

  it('sizes, floors and casts of an interpolation', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 3, 5, 7]);
      const size = graph.op('Cast', [shapePart(graph, x, 2, 4)], { to: ELEMENT_CODES.float32 });
      const doubled = graph.op('Floor', [graph.op('Mul', [size, graph.constant(1.5)])]);
      const sizes = graph.op(
        'Concat',
        [shapePart(graph, x, 0, 2), graph.op('Cast', [doubled], { to: ELEMENT_CODES.int64 })],
        { axis: 0 },
      );
      const larger = graph.op('Resize', [x, '', '', sizes]);
      expect(graph.shape(larger)).toEqual([N, 3, 7, 10]);
      return [size, sizes, larger];
    }));

  it('the pads of SAME padding: bounded sizes, means and halves', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 3, 5, 7]);
      const size = graph.op('Cast', [shapePart(graph, x, 2, 4)], { to: ELEMENT_CODES.float32 });
      const missing = graph.op('Sub', [graph.constant([8, 6]), size]);
      const clipped = graph.op('Clip', [missing, graph.constant(0)]);
      const capped = graph.op('Clip', [missing, '', graph.constant(2)]);
      const both = graph.op('Clip', [missing, graph.constant(-0.5), graph.constant(0.5)]);
      const mean = graph.op('ReduceMean', [clipped], { keepdims: 0 });
      for (const [value, entries] of [
        [clipped, [3, 0]],
        [capped, [2, -1]],
        [both, [0.5, -0.5]],
        [mean, [1.5]],
      ] as const) {
        expect(toNumbers(graph.constantOf(value)!)).toEqual(entries);
      }
      const whole = graph.op('Cast', [clipped], { to: ELEMENT_CODES.int64 });
      const pads = graph.op('Concat', [graph.ints([0, 0]), whole, graph.ints([0, 0, 0, 0])], { axis: 0 });
      const padded = graph.op('Pad', [x, pads]);
      expect(graph.shape(padded)).toEqual([N, 3, 8, 7]);
      return [clipped, capped, both, mean, padded];
    }));

  it('the pads of F.pad: a reversed slice of pairs', () =>
    expectShapes((graph) => {
      const pairs = graph.op('Reshape', [graph.ints([1, 2, 3, 4, 0, 0, 0, 0]), graph.ints([-1, 2])]);
      const reversed = graph.op('Slice', [
        pairs,
        graph.ints([-1]),
        graph.ints([-(2 ** 40)]),
        graph.ints([0]),
        graph.ints([-1]),
      ]);
      const pads = graph.op('Reshape', [graph.op('Transpose', [reversed], { perm: [1, 0] }), graph.ints([-1])]);
      expect(toNumbers(graph.constantOf(pads)!)).toEqual([0, 0, 3, 1, 0, 0, 4, 2]);
      return [pads, graph.op('Pad', [graph.input('x', [N, 3, 5, 7]), pads])];
    }));

  it('everything else done with the batch', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [{ batch: 4 }, 6]);
      const four = shapePart(graph, x, 0, 1);
      const one = graph.op('Div', [four, graph.ints([4])]);
      const compare = (op: string, other: number) => graph.op(op, [four, graph.ints([other])]);
      const scalar = graph.op('Squeeze', [one, graph.ints([0])]);
      const positions = graph.op('Range', [graph.ints(0), scalar, graph.ints(1)]);
      expect(graph.shape(positions)).toEqual([N]);
      return [
        graph.op('Size', [x]),
        graph.op('Add', [four, one]),
        graph.op('Sub', [four, one]),
        graph.op('Sub', [four, four]),
        graph.op('Neg', [one]),
        graph.op('Mod', [four, graph.ints([2])]),
        graph.op('Div', [four, one]),
        graph.op('Max', [four, graph.ints([2])]),
        graph.op('Min', [four, one]),
        graph.op('ReduceProd', [graph.op('Shape', [x])]),
        ...['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual'].map((op) => compare(op, 3)),
        graph.op('ConstantOfShape', [one]),
        graph.op('Tile', [graph.constant([1, 2], [1, 2]), graph.op('Concat', [one, graph.ints([3])], { axis: 0 })]),
        positions,
      ];
    }));

  it('what depends on the batch size is left unknown', () => {
    const graph = new GraphBuilder();
    const batch = shapePart(graph, graph.input('x', [N, 2]), 0, 1);
    const plusOne = graph.op('Add', [batch, graph.ints([1])]);
    const isOne = graph.op('Equal', [batch, graph.ints([1])]);
    const halved = graph.op('Div', [batch, graph.ints([2])]);
    for (const name of [plusOne, isOne, halved]) expect(graph.constantOf(name)).toBeUndefined();
    expect(() => graph.op('ConstantOfShape', [plusOne])).toThrow('depends on the data');
  });

  it('integer and float arithmetic rounds as onnxruntime does', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -9, max: 9 })), {
          minLength: 1,
          maxLength: 6,
        }),
        async (pairs) => {
          const [a, b] = [pairs.map(([left]) => left), pairs.map(([, right]) => right || 1)];
          await expectShapes((graph) => {
            const ints = [graph.ints(a), graph.ints(b)];
            const floats = [a, b].map((values) => graph.constant(values.map((value) => value / 4)));
            return [
              ...['Add', 'Sub', 'Mul', 'Div', 'Mod', 'Min', 'Max', 'Less', 'Equal'].map((op) => graph.op(op, ints)),
              ...['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max', 'Greater'].map((op) => graph.op(op, floats)),
              graph.op('Mod', floats, { fmod: 1 }),
              ...['Neg', 'Abs', 'Sign', 'Floor', 'Ceil', 'Round', 'Relu'].map((op) => graph.op(op, [floats[0]!])),
              graph.op('Cast', [floats[0]!], { to: ELEMENT_CODES.int64 }),
              graph.op('Cast', [floats[0]!], { to: ELEMENT_CODES.bool }),
              ...['ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceProd'].map((op) => graph.op(op, [ints[1]!])),
            ];
          });
        },
      ),
      RUNS,
    ));

  it('movements of constants', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }),
        fc.integer({ min: -3, max: 2 }),
        fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
        async (dims, axis, perm) => {
          await expectShapes((graph) => {
            const count = dims.reduce((product, dim) => product * dim, 1);
            const x = graph.constant(
              Array.from({ length: count }, (_, index) => index),
              dims,
            );
            return [
              graph.op('Transpose', [x], { perm }),
              graph.op('Gather', [x, graph.ints([0, -1])], { axis }),
              graph.op('Concat', [x, x], { axis }),
              graph.op('Slice', [x, graph.ints([-1]), graph.ints([-9]), graph.ints([axis]), graph.ints([-1])]),
              graph.op('Expand', [x, graph.ints([2, 1, 1, 1])]),
              graph.op('Tile', [x, graph.ints([2, 1, 3])]),
              graph.op('Flatten', [x]),
              graph.op('ReduceSum', [x, graph.ints([axis])]),
              graph.op(
                'ReduceMax',
                [x, graph.ints([axis, (axis + 4) % 3 === (axis + 3) % 3 ? axis : (axis + 4) % 3])],
                { keepdims: 0 },
              ),
            ];
          });
        },
      ),
      RUNS,
    ));
});
