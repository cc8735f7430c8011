import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { float32 } from '../../../../src/numeric/tensor.ts';
import { perInput } from '../../../../src/onnx/autodiff/rule.ts';
import { GRADIENT_RULES, NON_DIFFERENTIABLE, UNSUPPORTED } from '../../../../src/onnx/autodiff/rule-table.ts';
import { appendGradient, COTANGENT, GRADIENT, gradientModel } from '../../../../src/onnx/autodiff/vjp.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { SHAPE_RULES } from '../../../../src/onnx/shapes/infer.ts';
import { gradientOf, modelOf, runOnce, uniform } from './support.ts';

const N = { batch: 1 };

/** The ops that computing a gradient adds to a graph. */
function addedOps(builder: GraphBuilder, differentiate: () => string): string[] {
  const before = builder.nodes.length;
  differentiate();
  return builder.nodes.slice(before).map(({ op }) => op);
}

describe('the table of rules', () => {
  it.each(Object.keys(SHAPE_RULES))('says what the gradient of %s is, or why it has none', (op) => {
    const places = [Object.hasOwn(GRADIENT_RULES, op), NON_DIFFERENTIABLE.has(op), UNSUPPORTED.has(op)];
    expect(places.filter(Boolean)).toHaveLength(1);
  });
});

describe('appendGradient', () => {
  it('adds the contributions of all readers of a value', async () => {
    const model = modelOf([3], (builder, x) => {
      const y = builder.op('Tanh', [x]);
      return builder.op('Sum', [y, builder.op('Mul', [y, y]), builder.op('Neg', [y]), x]);
    });
    const x = uniform('x', [2, 3]);
    const ones = float32([2, 3], [1, 1, 1, 1, 1, 1]);
    const { data } = await gradientOf(model, x, ones);
    // y + y^2 - y + x with y = tanh x: 2 y y' + 1.
    x.data.forEach((value, at) => {
      const y = Math.tanh(value);
      expect(data[at]).toBeCloseTo(2 * y * (1 - y * y) + 1, 5);
    });
  });

  it('gives zeros where the output does not depend on the input', async () => {
    const builder = new GraphBuilder();
    const [x, other] = [builder.input('x', [N, 3, 4]), builder.input('other', [N, 2])];
    const y = builder.op('Tanh', [other]);
    const zeros = appendGradient(builder, y, builder.input(COTANGENT, [N, 2]), x);
    expect(builder.shape(zeros)).toEqual([N, 3, 4]);
    const model = builder.build([zeros]);
    const feeds = { x: uniform('x', [2, 3, 4]), other: uniform('other', [2, 2]), [COTANGENT]: uniform('u', [2, 2]) };
    const result = await runOnce(model, feeds);
    expect(result[zeros]).toEqual(float32([2, 3, 4], Array(24).fill(0)));
  });

  it('gives zeros through what has no slope', async () => {
    const model = modelOf([4], (builder, x) => builder.op('Floor', [builder.op('Mul', [x, builder.constant(3)])]));
    const { data } = await gradientOf(model, uniform('x', [2, 4]), uniform('u', [2, 4]));
    expect([...data]).toEqual(Array(8).fill(0));
  });

  it('is the cotangent itself where output and input are one', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 3]);
    const cotangent = builder.input(COTANGENT, [N, 3]);
    expect(appendGradient(builder, x, cotangent, x)).toBe(cotangent);
  });

  it('visits only what lies between input and output, and computes no gradients of weights', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 3]);
    const before = builder.op('Exp', [x]);
    const middle = builder.op('Tanh', [before]);
    const y = builder.op('MatMul', [middle, builder.initializer('w', uniform('w', [3, 3]))]);
    builder.op('Sigmoid', [y]);
    const cotangent = builder.input(COTANGENT, [N, 3]);
    const ops = addedOps(builder, () => appendGradient(builder, y, cotangent, middle));
    expect(ops).toEqual(['Transpose', 'MatMul']);
  });

  it('takes the gradient of an inner value through a node that gives it', async () => {
    const builder = new GraphBuilder();
    const middle = builder.op('Exp', [builder.input('x', [N, 3])]);
    const y = builder.op('Mul', [middle, middle]);
    const gradient = appendGradient(builder, y, builder.input(COTANGENT, [N, 3]), middle);
    const x = float32([1, 3], [0, 1, -1]);
    const result = await runOnce(builder.build([gradient]), { x, [COTANGENT]: float32([1, 3], [1, 1, 1]) });
    x.data.forEach((value, at) => {
      expect(result[gradient]!.data[at]).toBeCloseTo(2 * Math.exp(value), 5);
    });
  });

  it('gives its nodes names that the graph does not have', () => {
    const taken = Array.from({ length: 12 }, (_, at) => `Mul_${at}`);
    const model = modelOf([3], (builder, x) =>
      taken.reduce((value, name) => builder.op('Mul', [value, value], {}, { name, outputs: [`value of ${name}`] }), x),
    );
    const names = gradientModel(model).graph.nodes.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('names op and node where a rule is missing', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 3]);
    const y = builder.op('Tanh', [x], {}, { name: 'squash' });
    const cotangent = builder.input(COTANGENT, [N, 3]);
    expect(() => appendGradient(builder, y, cotangent, x, {})).toThrow(
      new GraphError('no gradient rule for Tanh "squash"'),
    );
    const product = builder.op('ReduceProd', [x, builder.ints([1])], {}, { name: 'volume' });
    expect(() => appendGradient(builder, product, builder.input('other', [N, 1]), x)).toThrow(
      /no gradient rule for ReduceProd "volume": .*0/,
    );
  });

  it('refuses weights that depend on the input, by name', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [1, 1, 3, 3]);
    const y = builder.op(
      'Conv',
      [builder.initializer('image', uniform('i', [1, 1, 8, 8])), x],
      {},
      { name: 'dynamic' },
    );
    const cotangent = builder.input(COTANGENT, builder.shape(y));
    expect(() => appendGradient(builder, y, cotangent, x)).toThrow(/Conv "dynamic".*input 1/);
  });

  it('refuses a cotangent of another shape than the output', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 3]);
    const y = builder.op('Tanh', [x]);
    expect(() => appendGradient(builder, y, builder.input(COTANGENT, [N, 1]), x)).toThrow(/\[N, 1\].*\[N, 3\]/);
  });

  it('refuses values that are not float32, by name', () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 3]);
    const wide = builder.op('Cast', [x], { to: 11 }, { outputs: ['wide'] });
    const y = builder.op('Cast', [builder.op('Tanh', [wide])], { to: 1 });
    expect(() => appendGradient(builder, y, builder.input(COTANGENT, [N, 3]), x)).toThrow(/float64/);
  });

  it('takes other rules than those of the table', async () => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [N, 2]);
    const y = builder.op('Round', [builder.op('Mul', [x, builder.constant(2)])]);
    // The straight-through estimator of defences that quantise. Round has to be taken off the list as well.
    const rules = { ...GRADIENT_RULES, Round: perInput(({ dy }) => dy) };
    const gradient = appendGradient(builder, y, builder.input(COTANGENT, [N, 2]), x, rules);
    const one = float32([1, 2], [1, 1]);
    const result = await runOnce(builder.build([gradient]), { x: one, [COTANGENT]: one });
    expect([...result[gradient]!.data]).toEqual([2, 2]);
  });
});

describe('gradientModel', () => {
  const classifier = () =>
    modelOf([3, 2, 2], (builder, x) => {
      const flat = builder.op('Flatten', [x]);
      return builder.op('MatMul', [flat, builder.initializer('w', uniform('w', [12, 5]))], {}, { outputs: ['logits'] });
    });

  it('has the cotangent as second input and the gradient as second output', async () => {
    const model = gradientModel(classifier());
    expect(model.graph.inputs.map(({ name, dims }) => [name, dims])).toEqual([
      ['x', [N, 3, 2, 2]],
      [COTANGENT, [N, 5]],
    ]);
    expect(model.graph.outputs.map(({ name, dims }) => [name, dims])).toEqual([
      ['logits', [N, 5]],
      [GRADIENT, [N, 3, 2, 2]],
    ]);
    const x = uniform('x', [2, 3, 2, 2]);
    const results = await runOnce(model, { x, [COTANGENT]: uniform('u', [2, 5]) });
    expect(results[GRADIENT]!.dims).toEqual([2, 3, 2, 2]);
    expect(results.logits).toEqual((await runOnce(classifier(), { x })).logits);
  });

  it('refuses a model that has these names, or more inputs than one', () => {
    const taken = modelOf([3], (builder, x) => builder.op('Tanh', [x], {}, { outputs: [GRADIENT] }));
    expect(() => gradientModel(taken)).toThrow(/named "gradient"/);
    const builder = new GraphBuilder();
    const sum = builder.op('Add', [builder.input('a', [N, 3]), builder.input('b', [N, 3])]);
    expect(() => gradientModel(builder.build([sum]))).toThrow(/one input.*2/);
  });
});
