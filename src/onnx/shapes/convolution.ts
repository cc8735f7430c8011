import { type Dim, formatDims, intOf, intsOf, type Node, sameDim, stringOf } from '../graph.ts';
import { commonType, fail, type Operands, operandOfRank, staticDims, unknown } from './operands.ts';
import type { RuleTable, ShapeRule, TypedShape } from './rule.ts';
import { explicitPads, splitPads, stepsOf, type Windows, windowsOf } from './windows.ts';

/** https://onnx.ai/onnx/operators/onnx__Conv.html: input [N, C, ...], weight [M, C / group, ...kernel], bias [M]. */
const conv: ShapeRule = (node, inputs) => {
  const { input, weight, kernel, spatial } = operandsOf(node, inputs);
  const group = intOf(node, 'group', 1);
  const [filters, depth] = [weight[0]!, weight[1]!];
  if (input.dims[1] !== depth * group || filters % group !== 0) mismatch(node, input, weight, group);
  checkBias(node, inputs, filters);
  return [unknown(input.type, [input.dims[0]!, filters, ...windowsOf(node, spatial, kernel).output])];
};

/** https://onnx.ai/onnx/operators/onnx__ConvTranspose.html: weight [C, M / group, ...kernel]. */
const convTranspose: ShapeRule = (node, inputs) => {
  const { input, weight, kernel, spatial } = operandsOf(node, inputs);
  const group = intOf(node, 'group', 1);
  if (input.dims[1] !== weight[0] || weight[0]! % group !== 0) mismatch(node, input, weight, group);
  const filters = weight[1]! * group;
  checkBias(node, inputs, filters);
  return [unknown(input.type, [input.dims[0]!, filters, ...transposedWindowsOf(node, spatial, kernel).output])];
};

/** The windows of a ConvTranspose over an input of these spatial sizes; its pads crop the output. */
export function transposedWindowsOf(node: Node, spatial: readonly number[], kernel: readonly number[]): Windows {
  const rank = spatial.length;
  const { strides, dilations } = stepsOf(node, rank);
  const extra = intsOf(node, 'output_padding') ?? Array<number>(rank).fill(0);
  const full = spatial.map(
    (size, axis) => strides[axis]! * (size - 1) + extra[axis]! + dilations[axis]! * (kernel[axis]! - 1) + 1,
  );
  const wanted = intsOf(node, 'output_shape')?.slice(-rank);
  const { padsBegin, padsEnd } = transposedPads(node, spatial, strides, full, wanted);
  const output = wanted ?? full.map((size, axis) => size - padsBegin[axis]! - padsEnd[axis]!);
  if (output.some((size) => size < 1)) fail(node, `its pads leave nothing of output sizes [${full.join(', ')}]`);
  return { kernel, strides, dilations, padsBegin, padsEnd, output };
}

/** A kernel smaller than its stride leaves less than in * stride: nothing is cropped then. */
function transposedPads(
  node: Node,
  spatial: readonly number[],
  strides: readonly number[],
  full: readonly number[],
  wanted: readonly number[] | undefined,
) {
  const mode = stringOf(node, 'auto_pad', 'NOTSET');
  if (wanted === undefined && (mode === 'NOTSET' || mode === '')) return explicitPads(node, spatial.length);
  const target = wanted ?? (mode === 'VALID' ? full : spatial.map((size, axis) => size * strides[axis]!));
  return splitPads(
    node,
    full.map((size, axis) => Math.max(0, size - target[axis]!)),
  );
}

interface ConvOperands {
  readonly input: TypedShape;
  readonly weight: readonly number[];
  readonly kernel: readonly number[];
  readonly spatial: readonly number[];
}

function operandsOf(node: Node, inputs: Operands): ConvOperands {
  const input = operandOfRank(node, inputs, 0, 3);
  const weight = operandOfRank(node, inputs, 1, 3);
  commonType(node, [input, weight]);
  if (weight.dims.length !== input.dims.length) mismatch(node, input, weight.dims, intOf(node, 'group', 1));
  const dims = staticDims(node, weight.dims, 'weight');
  const kernel = intsOf(node, 'kernel_shape') ?? dims.slice(2);
  if (kernel.join() !== dims.slice(2).join()) {
    fail(node, `kernel_shape [${kernel.join(', ')}] is not that of weight ${formatDims(dims)}`);
  }
  return { input, weight: dims, kernel, spatial: staticDims(node, input.dims.slice(2), 'spatial sizes') };
}

function mismatch(node: Node, input: TypedShape, weight: readonly Dim[], group: number): never {
  fail(node, `input ${formatDims(input.dims)} does not fit weight ${formatDims(weight)} in ${group} groups`);
}

function checkBias(node: Node, inputs: Operands, filters: number): void {
  const bias = inputs[2];
  if (bias !== undefined && !(bias.dims.length === 1 && sameDim(bias.dims[0]!, filters))) {
    fail(node, `bias ${formatDims(bias.dims)} does not fit ${filters} filters`);
  }
}

export const CONVOLUTION_RULES: RuleTable = { Conv: conv, ConvTranspose: convTranspose };
