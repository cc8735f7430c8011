import { formatDims, intOf, sameDim } from '../graph.ts';
import { axisOf, fail, operand, operandOfRank, requiredNumbers, staticDims, unknown } from './operands.ts';
import type { RuleTable, ShapeRule } from './rule.ts';

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
  if (node.op === 'ScatterElements' && indices.dims.length !== data.dims.length) {
    fail(node, `indices ${formatDims(indices.dims)} do not fit data ${formatDims(data.dims)}`);
  }
  return [unknown(data.type, data.dims)];
};

/** https://onnx.ai/onnx/operators/onnx__OneHot.html: inputs indices, depth, [off, on]. */
const oneHot: ShapeRule = (node, inputs) => {
  const { dims } = operand(node, inputs, 0);
  const [depth] = requiredNumbers(node, inputs, 1, 'depth');
  const axis = axisOf(node, intOf(node, 'axis', -1), dims.length + 1);
  return [unknown(operand(node, inputs, 2).type, dims.toSpliced(axis, 0, depth ?? 0))];
};

export const INDEXING_RULES: RuleTable = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: scatter,
  ScatterND: scatter,
  OneHot: oneHot,
};
