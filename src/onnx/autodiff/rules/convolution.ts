import { intOf } from '../../graph.ts';
import { transposedWindowsOf, windowsOf } from '../../shapes/windows.ts';
import { adjointConvolution } from '../adjoint-convolution.ts';
import { type GradientTable, type InputRule, perInput } from '../rule.ts';
import { spatialSizes } from '../shape-helpers.ts';

const conv: InputRule = ({ builder, node, inputs, x, dy }) => {
  const weight = inputs[1]!;
  const size = spatialSizes(builder, node, x);
  const kernel = spatialSizes(builder, node, weight);
  const windows = windowsOf(node, size, kernel);
  return adjointConvolution(builder, dy, { weight, group: intOf(node, 'group', 1), windows, size });
};

/** ConvTranspose is the adjoint of a Conv with the same filters, so its own adjoint is that Conv. */
const convTranspose: InputRule = ({ builder, node, inputs, x, dy }) => {
  const weight = inputs[1]!;
  const kernel = spatialSizes(builder, node, weight);
  const { strides, dilations, padsBegin, padsEnd } = transposedWindowsOf(node, spatialSizes(builder, node, x), kernel);
  const pads = [...padsBegin, ...padsEnd];
  return builder.op('Conv', [dy, weight], { strides, dilations, pads, group: intOf(node, 'group', 1) });
};

export const CONVOLUTION_RULES: GradientTable = { Conv: perInput(conv), ConvTranspose: perInput(convTranspose) };
