import { describe, expect, it } from 'vitest';
import { appendGradient, COTANGENT } from '../../../../src/onnx/autodiff/vjp.ts';
import { float, GraphBuilder } from '../../../../src/onnx/builder.ts';

type Form = (builder: GraphBuilder, x: string) => string;

/** How often the gradient of `form` after a ReLU selects: once where its slope may be infinite, else never. */
function selections(form: Form): number {
  const builder = new GraphBuilder();
  const open = builder.op('Relu', [builder.input('x', [{ batch: 1 }, 4, 5])]);
  const y = form(builder, open);
  const before = builder.nodes.length;
  appendGradient(builder, y, builder.input(COTANGENT, builder.shape(y)), 'x');
  return builder.nodes.slice(before).filter(({ op }) => op === 'Where').length;
}

const number = (builder: GraphBuilder, value: number) => builder.constant(value);
const power =
  (exponent: number): Form =>
  (b, x) =>
    b.op('Pow', [x, number(b, exponent)]);
const dividedBy =
  (divisor: Form): Form =>
  (b, x) =>
    b.op('Div', [number(b, 1), divisor(b, x)]);
const layerNorm =
  (epsilon: number): Form =>
  (b, x) =>
    b.op('LayerNormalization', [x, b.constant(new Float32Array(5).fill(1), [5])], { epsilon: float(epsilon) });

describe('masks behind an op whose slope may be infinite', () => {
  it.each<[string, Form]>([
    ['a logarithm', (b, x) => b.op('Log', [x])],
    ['an exponential', (b, x) => b.op('Exp', [x])],
    ['a reciprocal', (b, x) => b.op('Reciprocal', [x])],
    ['a quotient', dividedBy((_, x) => x)],
    ['division by constants of which one is 0', (b, x) => b.op('Div', [x, b.constant([1, 0, 1, 1, 1])])],
    ['a root written as a power', power(0.5)],
    ['a power below 0', power(-1)],
    ['division by a norm', dividedBy((b, x) => b.op('ReduceL2', [x, b.ints([2])]))],
    ['a normalisation without epsilon', layerNorm(0)],
    ['what lies after one', (b, x) => b.op('Mul', [b.op('Log', [x]), number(b, 2)])],
  ])('select: %s', (_, form) => {
    expect(selections(form)).toBeGreaterThan(0);
  });

  it.each<[string, Form]>([
    ['a product', (b, x) => b.op('Mul', [x, number(b, 2)])],
    ['division by constants', (b, x) => b.op('Div', [x, number(b, 255)])],
    ['a square', power(2)],
    ['a root', (b, x) => b.op('Sqrt', [x])],
    ['a quotient whose divisor is kept from 0', dividedBy((b, x) => b.op('Add', [x, number(b, 1e-12)]))],
    ['a logarithm that is clipped', (b, x) => b.op('Log', [b.op('Clip', [x, number(b, 1e-6)])])],
    ['a normalisation', layerNorm(1e-5)],
    [
      'a normalisation written out',
      dividedBy((b, x) => {
        const variance = b.op('ReduceMean', [b.op('Mul', [x, x]), b.ints([2])]);
        return b.op('Expand', [b.op('Sqrt', [b.op('Add', [variance, number(b, 1e-5)])]), b.op('Shape', [x])]);
      }),
    ],
  ])('multiply as ever: %s', (_, form) => {
    expect(selections(form)).toBe(0);
  });

  it('multiply before such an op is reached', () => {
    const builder = new GraphBuilder();
    const steep = builder.op('Log', [builder.input('x', [{ batch: 1 }, 4])]);
    const y = builder.op('Relu', [steep]);
    const before = builder.nodes.length;
    appendGradient(builder, y, builder.input(COTANGENT, builder.shape(y)), 'x');
    expect(builder.nodes.slice(before).map(({ op }) => op)).toEqual(['HardSigmoid', 'Mul', 'Div']);
  });
});
