import { appendGradient } from '../../src/onnx/autodiff/vjp.ts';
import type { GraphBuilder } from '../../src/onnx/builder.ts';
import { type Comparison, type Form, type Forward, weights } from './comparison.ts';

const conv = (builder: GraphBuilder, value: string, channels: number) =>
  builder.op('Conv', [value, weights(builder, [channels, channels, 3, 3])], { pads: [1, 1, 1, 1] });

/** An activation after a convolution, whose gradient goes on to another one. */
function amongConvolutions(
  activation: Forward,
  form: (builder: GraphBuilder, x: string, y: string, dy: string) => string,
): Form {
  return (builder, input, gradient) => {
    const x = conv(builder, input, 64);
    const dy = conv(builder, gradient, 64);
    return conv(builder, form(builder, x, activation(builder, x), dy), 64);
  };
}

const toFloat = (builder: GraphBuilder, condition: string) => builder.op('Cast', [condition], { to: 1 });
const relu: Forward = (builder, x) => builder.op('Relu', [x]);
const relu6: Forward = (builder, x) => builder.op('Clip', [x, builder.constant(0), builder.constant(6)]);
const clip: Forward = (builder, x) => builder.op('Clip', [x, builder.constant(-0.5), builder.constant(0.5)]);
const isPositive = (builder: GraphBuilder, y: string) => builder.op('Greater', [y, builder.constant(0)]);

/** Between two convolutions, since what matters is whether they keep the blocked layout. */
export const MASKS: readonly Comparison[] = [
  {
    name: 'Relu',
    x: [64, 32, 32],
    dy: [64, 32, 32],
    forms: {
      rule: amongConvolutions(relu, (b, x, y, dy) => appendGradient(b, y, dy, x)),
      'Mul by Sign': amongConvolutions(relu, (b, _, y, dy) => b.op('Mul', [dy, b.op('Sign', [y])])),
      'Mul by Cast of Greater': amongConvolutions(relu, (b, _, y, dy) =>
        b.op('Mul', [dy, toFloat(b, isPositive(b, y))]),
      ),
      Where: amongConvolutions(relu, (b, _, y, dy) => b.op('Where', [isPositive(b, y), dy, b.constant(0)])),
    },
  },
  {
    name: 'Clip',
    x: [64, 32, 32],
    dy: [64, 32, 32],
    forms: {
      rule: amongConvolutions(clip, (b, x, y, dy) => appendGradient(b, y, dy, x)),
      'Mul by Cast of Equal': amongConvolutions(clip, (b, x, y, dy) =>
        b.op('Mul', [dy, toFloat(b, b.op('Equal', [x, y]))]),
      ),
      Where: amongConvolutions(clip, (b, x, y, dy) => b.op('Where', [b.op('Equal', [x, y]), dy, b.constant(0)])),
      'rule for ReLU6': amongConvolutions(relu6, (b, x, y, dy) => appendGradient(b, y, dy, x)),
    },
  },
];
