import { intOf, stringOf } from '../../onnx/graph.ts';
import { staticDims } from '../../onnx/shapes/operands.ts';
import { transposedWindowsOf } from '../../onnx/shapes/windows.ts';
import { formOf } from './forms.ts';

/** Ops in the words of others, where CUDA lacks them. */

/** x (1 + erf(x / sqrt 2)) / 2, or its approximation by tanh; onnxruntime makes one kernel of either again. */
export const gelu = formOf(({ op, add, mul }, node, x) => {
  if (stringOf(node, 'approximate', 'none') === 'none')
    return mul(mul(x, add(op('Erf', [mul(x, Math.SQRT1_2)]), 1)), 0.5);
  const inner = mul(add(x, mul(mul(mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, add(op('Tanh', [inner]), 1)), 0.5);
});

/** sin x / cos x. */
export const tan = formOf(({ op }, _, x) => op('Div', [op('Sin', [x]), op('Cos', [x])]));

/** x tanh(log(1 + e^x)). */
export const mish = formOf(({ op, mul }, _, x) => mul(x, op('Tanh', [op('Softplus', [x])])));

/** x / |x| along the axis, 0 where that is 0. */
export const lpNormalization = formOf(({ op, along }, node, x) => {
  const norm = along(intOf(node, 'p', 2) === 1 ? 'ReduceL1' : 'ReduceL2', x, intOf(node, 'axis', -1));
  return op('Div', [x, op('Where', [op('Greater', [norm, 0]), norm, 1])]);
});

/** Pads that differ crop as much as they share, and a Slice the rest. */
export const evenlyCropped = formOf(({ builder }, node, x) => {
  const { auto_pad: _, ...attributes } = node.attributes;
  const kernel = staticDims(node, builder.shape(node.inputs[1]!).slice(2), 'weight');
  const spatial = staticDims(node, builder.shape(x).slice(2), 'spatial sizes');
  const { padsBegin, padsEnd, output } = transposedWindowsOf(node, spatial, kernel);
  if ('output_shape' in attributes || padsBegin.join() === padsEnd.join()) return undefined;
  const shared = padsBegin.map((pad, axis) => Math.min(pad, padsEnd[axis]!));
  const whole = builder.op('ConvTranspose', node.inputs, { ...attributes, pads: [...shared, ...shared] });
  const starts = padsBegin.map((pad, axis) => pad - shared[axis]!);
  const ends = starts.map((start, axis) => start + output[axis]!);
  const axes = starts.map((_, axis) => axis + 2);
  return builder.op('Slice', [whole, ...[starts, ends, axes].map((values) => builder.ints(values))]);
});
