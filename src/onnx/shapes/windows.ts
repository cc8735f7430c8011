import { intOf, intsOf, type Node, stringOf } from '../graph.ts';
import { fail } from './operands.ts';

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
  const { padsBegin, padsEnd } = padsOf(node, spatial, kernel, strides);
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
export function stepsOf(node: Node, rank: number): Pick<Windows, 'strides' | 'dilations'> {
  return { strides: positives(node, 'strides', rank), dilations: positives(node, 'dilations', rank) };
}

/** The `pads` attribute: zeros before each axis, then zeros after each. */
export function explicitPads(node: Node, rank: number): Pick<Windows, 'padsBegin' | 'padsEnd'> {
  const pads = intsOf(node, 'pads') ?? Array<number>(2 * rank).fill(0);
  if (pads.length !== 2 * rank) fail(node, `pads [${pads.join(', ')}] are not ${2 * rank} numbers`);
  return { padsBegin: pads.slice(0, rank), padsEnd: pads.slice(rank) };
}

/** Splits the zeros of an automatic pad: the odd one goes to the end for SAME_UPPER, to the front otherwise. */
export function splitPads(node: Node, totals: readonly number[]): Pick<Windows, 'padsBegin' | 'padsEnd'> {
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total) => Math.ceil(total / 2));
  return stringOf(node, 'auto_pad', 'NOTSET') === 'SAME_UPPER'
    ? { padsBegin: small, padsEnd: large }
    : { padsBegin: large, padsEnd: small };
}

function padsOf(node: Node, spatial: readonly number[], kernel: readonly number[], strides: readonly number[]) {
  const mode = stringOf(node, 'auto_pad', 'NOTSET');
  if (mode === 'NOTSET' || mode === '') return explicitPads(node, spatial.length);
  if (mode === 'VALID') return splitPads(node, Array<number>(spatial.length).fill(0));
  // onnxruntime refuses this for Conv, and for pools it pads as if there were no dilation, against the operator's text.
  if (intsOf(node, 'dilations')?.some((dilation) => dilation > 1)) fail(node, `auto_pad ${mode} with dilations`);
  const steps = spatial.map((size, axis) => Math.ceil(size / strides[axis]!));
  return splitPads(
    node,
    steps.map((count, axis) => Math.max(0, (count - 1) * strides[axis]! + kernel[axis]! - spatial[axis]!)),
  );
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
