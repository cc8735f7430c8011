import { type Dim, formatDims, intOf, intsOf, type Node, sameDim, stringOf } from '../graph.ts';
import {
  commonType,
  fail,
  type Operands,
  operandOfRank,
  type RuleTable,
  type ShapeRule,
  staticDims,
  type TypedShape,
  unknown,
} from './operands.ts';

/**
 * The sliding windows of convolutions and pools: what strides, dilations, pads and auto_pad come to.
 * https://onnx.ai/onnx/operators/onnx__Conv.html, https://onnx.ai/onnx/operators/onnx__MaxPool.html
 */
export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros before and after each spatial axis, auto_pad worked out. */
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  /** Sizes of the output. */
  readonly output: readonly number[];
}

/** The windows of a Conv or a pool over an input of these spatial sizes. */
export function windowsOf(node: Node, spatial: readonly number[], kernel: readonly number[]): Windows {
  const { strides, dilations } = stepsOf(node, spatial.length);
  if (kernel.length !== spatial.length) {
    fail(node, `kernel [${kernel.join(', ')}] does not fit spatial sizes [${spatial.join(', ')}]`);
  }
  const extents = kernel.map((size, axis) => dilations[axis]! * (size - 1) + 1);
  const { padsBegin, padsEnd } = padsOf(node, spatial, extents, strides);
  const ceil = intOf(node, 'ceil_mode', 0) === 1;
  const output = spatial.map((size, axis) => {
    const room = size + padsBegin[axis]! + padsEnd[axis]! - extents[axis]!;
    if (room < 0) {
      fail(node, `kernel [${kernel.join(', ')}] is larger than its padded input [${spatial.join(', ')}]`);
    }
    return ceil ? ceilSteps(room, strides[axis]!, size + padsBegin[axis]!) : Math.floor(room / strides[axis]!) + 1;
  });
  return { kernel, strides, dilations, padsBegin, padsEnd, output };
}

/** Strides and dilations, one per spatial axis. */
function stepsOf(node: Node, rank: number): Pick<Windows, 'strides' | 'dilations'> {
  return { strides: positives(node, 'strides', rank), dilations: positives(node, 'dilations', rank) };
}

/** The `pads` attribute: zeros before each axis, then zeros after each. */
function explicitPads(node: Node, rank: number): Pick<Windows, 'padsBegin' | 'padsEnd'> {
  const pads = intsOf(node, 'pads') ?? Array<number>(2 * rank).fill(0);
  if (pads.length !== 2 * rank) fail(node, `pads [${pads.join(', ')}] are not ${2 * rank} numbers`);
  return { padsBegin: pads.slice(0, rank), padsEnd: pads.slice(rank) };
}

/** Splits the zeros of an automatic pad: the odd one goes to the end for SAME_UPPER, to the front otherwise. */
function splitPads(node: Node, totals: readonly number[]): Pick<Windows, 'padsBegin' | 'padsEnd'> {
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total) => Math.ceil(total / 2));
  return stringOf(node, 'auto_pad', 'NOTSET') === 'SAME_UPPER'
    ? { padsBegin: small, padsEnd: large }
    : { padsBegin: large, padsEnd: small };
}

/** `extents`: of the kernel with its dilations, by which SAME keeps ceil(size / stride). */
function padsOf(node: Node, spatial: readonly number[], extents: readonly number[], strides: readonly number[]) {
  const mode = stringOf(node, 'auto_pad', 'NOTSET');
  if (mode === 'NOTSET' || mode === '') return explicitPads(node, spatial.length);
  if (mode === 'VALID') return splitPads(node, Array<number>(spatial.length).fill(0));
  // onnxruntime pads a pool as if there were no dilation, against the operator's text; a Conv's pads are written out for it.
  if (node.op !== 'Conv' && isDilated(node)) {
    fail(
      node,
      `auto_pad ${mode} with dilations means one thing to the standard and another to runtimes: write its pads out`,
    );
  }
  const steps = spatial.map((size, axis) => Math.ceil(size / strides[axis]!));
  return splitPads(
    node,
    steps.map((count, axis) => Math.max(0, (count - 1) * strides[axis]! + extents[axis]! - spatial[axis]!)),
  );
}

export function isDilated(node: Node): boolean {
  return intsOf(node, 'dilations')?.some((dilation) => dilation > 1) ?? false;
}

/** With ceil_mode the last window may hang over the end, but it has to start inside the input or the front pad. */
function ceilSteps(room: number, stride: number, end: number): number {
  const steps = Math.ceil(room / stride) + 1;
  return (steps - 1) * stride >= end ? steps - 1 : steps;
}

function positives(node: Node, key: string, rank: number): readonly number[] {
  const values = intsOf(node, key) ?? Array<number>(rank).fill(1);
  if (values.length !== rank || values.some((value) => value < 1)) {
    fail(node, `${key} [${values.join(', ')}] are not ${rank} positive numbers`);
  }
  return values;
}

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

/** https://onnx.ai/onnx/operators/onnx__MaxPool.html; the optional second output is the index of each maximum. */
const pool: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 3);
  const kernel = intsOf(node, 'kernel_shape') ?? fail(node, 'attribute "kernel_shape" is missing');
  const { output } = windowsOf(node, staticDims(node, dims.slice(2), 'spatial sizes'), kernel);
  return node.outputs.map((_, index) => unknown(index === 0 ? type : 'int64', [dims[0]!, dims[1]!, ...output]));
};

const globalPool: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 3);
  return [unknown(type, [dims[0]!, dims[1]!, ...dims.slice(2).fill(1)])];
};

export const POOLING_RULES: RuleTable = {
  AveragePool: pool,
  MaxPool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
};
