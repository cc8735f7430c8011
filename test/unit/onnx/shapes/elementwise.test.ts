import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { float, GraphBuilder } from '../../../../src/onnx/builder.ts';
import { ELEMENT_CODES } from '../../../../src/onnx/element-types.ts';
import type { Dim } from '../../../../src/onnx/graph.ts';
import { expectShapes } from '../support/shapes.ts';

const N: Dim = { batch: 1 };

const FLOAT_UNARY = [
  ...['Abs', 'Ceil', 'Cos', 'Erf', 'Exp', 'Floor', 'Log', 'Neg', 'Reciprocal', 'Round', 'Sign', 'Sin', 'Sqrt', 'Tan'],
  ...['Atan', 'Identity', 'Relu', 'LeakyRelu', 'Elu', 'Selu', 'Celu', 'ThresholdedRelu', 'Softplus', 'Softsign'],
  ...['Sigmoid', 'HardSigmoid', 'Tanh', 'Gelu', 'HardSwish', 'Mish', 'Clip', 'Softmax', 'LogSoftmax', 'Hardmax'],
  ...['IsNaN', 'IsInf'],
];

/** Two shapes that broadcast to one: some dimensions set to 1, leading ones left out. */
const broadcastable = fc
  .record({
    dims: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 3 }),
    ones: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    dropped: fc.integer({ min: 0, max: 4 }),
  })
  .map(({ dims, ones, dropped }): [Dim[], Dim[]] => {
    const whole: Dim[] = [N, ...dims];
    const other = whole.map((dim, axis) => (ones[axis] ? 1 : dim));
    return [whole, other.slice(Math.min(dropped, whole.length))];
  });

describe('shapes of elementwise ops, against onnxruntime', () => {
  it.each(FLOAT_UNARY)('%s', (op) => expectShapes((graph) => graph.op(op, [graph.input('x', [N, 3, 4])])));

  it.each([
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Pow',
    'Mod',
    'Min',
    'Max',
    'Sum',
    'Mean',
    'Less',
    'Greater',
    'LessOrEqual',
    'GreaterOrEqual',
    'Equal',
  ])('%s broadcasts', (op) =>
    fc.assert(
      fc.asyncProperty(broadcastable, fc.boolean(), async ([a, b], swapped) => {
        await expectShapes((graph) => {
          const operands = [graph.input('a', a), graph.input('b', b)];
          return graph.op(op, swapped ? operands.reverse() : operands, op === 'Mod' ? { fmod: 1 } : {});
        });
      }),
      { seed: 11, numRuns: 15 },
    ),
  );

  it.each(['And', 'Or', 'Xor'])('%s', (op) =>
    expectShapes((graph) => graph.op(op, [graph.input('a', [N, 1], 'bool'), graph.input('b', [4], 'bool')])),
  );

  it('Where broadcasts all three', () =>
    expectShapes((graph) => {
      const condition = graph.input('condition', [5, 1], 'bool');
      return graph.op('Where', [condition, graph.input('yes', [N, 1, 1]), graph.input('no', [3])]);
    }));

  it('PRelu', () =>
    expectShapes((graph) => graph.op('PRelu', [graph.input('x', [N, 3, 4]), graph.constant([1, 2, 3], [3, 1])])));

  it('Max, Min, Sum and Mean of three', () =>
    expectShapes((graph) => {
      const operands = [graph.input('a', [4]), graph.input('b', [N, 1]), graph.input('c', [3, 1, 1])];
      return ['Max', 'Min', 'Sum', 'Mean'].map((op) => graph.op(op, operands));
    }));

  it('Cast, EyeLike, Trilu, CumSum, Dropout with its mask', () =>
    expectShapes((graph) => {
      const x = graph.input('x', [N, 4]);
      return [
        graph.op('Cast', [x], { to: ELEMENT_CODES.int64 }),
        graph.op('EyeLike', [x], { dtype: ELEMENT_CODES.int64 }),
        graph.op('Trilu', [x]),
        graph.op('CumSum', [x, graph.ints(1)]),
        ...graph.ops('Dropout', [x], { outputs: ['kept', 'mask'] }),
        graph.op('HardSigmoid', [x], { alpha: float(0.2) }),
      ];
    }));

  it.each<[string, Dim[], Dim[], string]>([
    ['two numbers', [N, 3], [N, 4], 'shapes [N, 3] and [N, 4] cannot be broadcast to one'],
    ['the batch and a number', [N, 3], [2, 3], 'shapes [N, 3] and [2, 3] cannot be broadcast to one'],
    ['two multiples of the batch', [{ batch: 2 }], [N], 'shapes [2·N] and [N] cannot be broadcast to one'],
  ])('refuses %s', (_, a, b, problem) => {
    const graph = new GraphBuilder();
    const add = () => graph.op('Add', [graph.input('a', a), graph.input('b', b)], {}, { name: 'sum' });
    expect(add).toThrow(new GraphError(`Add "sum": ${problem}`));
  });

  it('refuses mixed types and unknown ops', () => {
    const graph = new GraphBuilder();
    const [x, flags] = [graph.input('x', [N]), graph.input('flags', [N], 'bool')];
    expect(() => graph.op('Mul', [x, flags])).toThrow(/Mul "Mul_\d+": inputs of type float32 and bool do not mix/);
    expect(() => graph.op('NonMaxSuppression', [x])).toThrow(/^no shape rule for NonMaxSuppression/);
  });
});
