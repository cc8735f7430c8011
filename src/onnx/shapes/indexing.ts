import { type Dim, formatDims, intOf, isBatch, type Node, sameDim } from '../graph.ts';
import { add, atMost, compare, subtract } from './dims.ts';
import {
  axisOf,
  fail,
  operand,
  operandOfRank,
  type RuleTable,
  requiredNumbers,
  type ShapeRule,
  staticDims,
  unknown,
} from './operands.ts';

/** The bounds of a Slice, one entry per axis cut. https://onnx.ai/onnx/operators/onnx__Slice.html */
export interface Bounds {
  readonly starts: readonly Dim[];
  readonly ends: readonly Dim[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

/** From here on an end means "as far as it goes": exports write INT32_MAX or INT64_MAX. */
const ENDLESS = 2 ** 31 - 1;

export function slicedDims(node: Node, dims: readonly Dim[], { starts, ends, axes, steps }: Bounds): readonly Dim[] {
  const result = [...dims];
  axes.forEach((axis, index) => {
    const dim = dims[axis]!;
    const [start, end, step] = [starts[index]!, ends[index]!, steps[index]!];
    if (step === 0) fail(node, 'a step of 0');
    if (isBatch(dim)) result[axis] = batchLength(node, dims, dim, start, end, step);
    else if (isBatch(start) || isBatch(end)) fail(node, `axis ${axis} of ${formatDims(dims)} is cut at the batch size`);
    else result[axis] = range(dim, start, end, step).length;
  });
  return result;
}

/**
 * First index and count of a slice of an axis of this length. Bounds out of range are brought to its ends, a backward
 * start to the first element: unlike numpy, where it would leave nothing.
 */
export function range(length: number, start: number, end: number, step: number): { first: number; length: number } {
  const clamp = (bound: number, low: number, high: number) =>
    Math.min(Math.max(bound < 0 ? bound + length : bound, low), high);
  const first = step > 0 ? clamp(start, 0, length) : clamp(start, 0, length - 1);
  const last = step > 0 ? clamp(end, 0, length) : clamp(end, -1, length - 1);
  return { first, length: Math.max(0, Math.ceil((last - first) / step)) };
}

/** Of an axis of k N, what can be cut for every N: whole multiples of N, and the first few. */
function batchLength(node: Node, dims: readonly Dim[], dim: Dim, start: Dim, end: Dim, step: number): Dim {
  const first = fromEnd(dim, start);
  const last = !isBatch(end) && end >= ENDLESS ? dim : fromEnd(dim, end);
  const length = step === 1 ? distance(dim, first, last) : undefined;
  return length ?? fail(node, `the batch of ${formatDims(dims)} is cut where it depends on the batch size`);
}

function fromEnd(dim: Dim, bound: Dim): Dim | undefined {
  return compare(bound, 0) === -1 ? add(dim, bound) : bound;
}

/** From `first` to `last`, where both lie on the axis whatever the batch size is. */
function distance(dim: Dim, first: Dim | undefined, last: Dim | undefined): Dim | undefined {
  if (first === undefined || last === undefined) return undefined;
  return atMost(last, dim) ? subtract(last, first) : undefined;
}

/** Ops that look elements up, or put them, at indices that are data. */

const gather: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 1);
  const axis = axisOf(node, intOf(node, 'axis', 0), dims.length);
  return [unknown(type, [...dims.slice(0, axis), ...operand(node, inputs, 1).dims, ...dims.slice(axis + 1)])];
};

const gatherElements: ShapeRule = (node, inputs) => {
  const [data, indices] = [operandOfRank(node, inputs, 0, 1), operand(node, inputs, 1)];
  axisOf(node, intOf(node, 'axis', 0), data.dims.length);
  if (indices.dims.length !== data.dims.length) {
    fail(node, `indices ${formatDims(indices.dims)} do not fit data ${formatDims(data.dims)}`);
  }
  return [unknown(data.type, indices.dims)];
};

/** https://onnx.ai/onnx/operators/onnx__GatherND.html: the last dimension of the indices is an address. */
const gatherND: ShapeRule = (node, inputs) => {
  const [data, indices] = [operandOfRank(node, inputs, 0, 1), operandOfRank(node, inputs, 1, 1)];
  const shared = intOf(node, 'batch_dims', 0);
  const [depth] = staticDims(node, indices.dims.slice(-1), 'address length') as [number];
  const aligned = data.dims.slice(0, shared).every((dim, axis) => sameDim(dim, indices.dims[axis] ?? -1));
  if (!aligned || shared + depth > data.dims.length) {
    fail(node, `indices ${formatDims(indices.dims)} do not fit data ${formatDims(data.dims)}`);
  }
  return [unknown(data.type, [...indices.dims.slice(0, -1), ...data.dims.slice(shared + depth)])];
};

const scatter: ShapeRule = (node, inputs) => {
  const [data, indices] = [operandOfRank(node, inputs, 0, 1), operandOfRank(node, inputs, 1, 1)];
  const updates = operand(node, inputs, 2);
  if (updates.type !== data.type) fail(node, `updates of type ${updates.type} for data of type ${data.type}`);
  const depth = Number(indices.dims.at(-1));
  const [written, fits] =
    node.op === 'ScatterElements'
      ? [indices.dims, indices.dims.length === data.dims.length]
      : [[...indices.dims.slice(0, -1), ...data.dims.slice(depth)], depth <= data.dims.length];
  if (!fits) fail(node, `indices ${formatDims(indices.dims)} do not fit data ${formatDims(data.dims)}`);
  if (written.length !== updates.dims.length || !written.every((dim, axis) => sameDim(dim, updates.dims[axis]!))) {
    fail(node, `updates ${formatDims(updates.dims)} are not the ${formatDims(written)} that its indices address`);
  }
  return [unknown(data.type, data.dims)];
};

/** https://onnx.ai/onnx/operators/onnx__OneHot.html: inputs indices, depth, [off, on]. */
const oneHot: ShapeRule = (node, inputs) => {
  const { dims } = operand(node, inputs, 0);
  const [depth] = requiredNumbers(node, inputs, 1, 'depth');
  const axis = axisOf(node, intOf(node, 'axis', -1), dims.length + 1);
  return [unknown(operand(node, inputs, 2).type, dims.toSpliced(axis, 0, depth ?? fail(node, 'its depth is empty')))];
};

export const INDEXING_RULES: RuleTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatter,
  ScatterND: scatter,
  OneHot: oneHot,
};
