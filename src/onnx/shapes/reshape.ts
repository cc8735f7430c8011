import { type Dim, formatDims, intOf, intsOf, type Node, sameDim } from '../graph.ts';
import { broadcast, divide, product } from './dims.ts';
import {
  axesOf,
  axisOf,
  fail,
  operand,
  optionalNumbers,
  type RuleTable,
  requiredEntries,
  requiredNumbers,
  type ShapeRule,
  unknown,
} from './operands.ts';

/** Ops that keep every element and give it a new place, and Expand, which repeats them. */

/** https://onnx.ai/onnx/operators/onnx__Reshape.html: 0 keeps a dimension, -1 takes what the others leave. */
const reshape: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const target = requiredEntries(node, inputs, 1, 'shape');
  return [unknown(type, reshapedDims(node, dims, target))];
};

function reshapedDims(node: Node, dims: readonly Dim[], target: readonly Dim[]): readonly Dim[] {
  const keepsZero = intOf(node, 'allowzero', 0) === 1;
  const misfit = (): never => fail(node, `input ${formatDims(dims)} does not fit shape ${formatDims(target)}`);
  const copied = target.map((dim, axis) => (dim === 0 && !keepsZero ? (dims[axis] ?? misfit()) : dim));
  const free = copied.indexOf(-1);
  const total = product(dims) ?? misfit();
  const rest = product(copied.filter((_, axis) => axis !== free)) ?? misfit();
  if (free === -1) return sameDim(total, rest) ? copied : misfit();
  return copied.with(free, divide(total, rest) ?? misfit());
}

const flatten: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const axis = intOf(node, 'axis', 1);
  const split = axis === dims.length ? axis : axisOf(node, axis, dims.length);
  const [rows, columns] = [product(dims.slice(0, split)), product(dims.slice(split))];
  if (rows === undefined || columns === undefined) fail(node, `input ${formatDims(dims)} contains the batch twice`);
  return [unknown(type, [rows, columns])];
};

const transpose: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const order = intsOf(node, 'perm') ?? [...dims.keys()].reverse();
  if (order.length !== dims.length || axesOf(node, order, dims.length).some((axis, index) => axis !== order[index])) {
    fail(node, `perm [${order.join(', ')}] does not order input ${formatDims(dims)}`);
  }
  return [
    unknown(
      type,
      order.map((axis) => dims[axis]!),
    ),
  ];
};

const squeeze: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const given = optionalNumbers(node, inputs, 1, 'axes');
  const axes = given ? axesOf(node, given, dims.length) : [...dims.keys()].filter((axis) => dims[axis] === 1);
  const long = axes.find((axis) => dims[axis] !== 1);
  if (long !== undefined) fail(node, `axis ${long} of input ${formatDims(dims)} is not 1`);
  return [
    unknown(
      type,
      dims.filter((_, axis) => !axes.includes(axis)),
    ),
  ];
};

const unsqueeze: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const given = requiredNumbers(node, inputs, 1, 'axes');
  const rank = dims.length + given.length;
  const axes = axesOf(node, given, rank);
  const rest = dims.values();
  return [
    unknown(
      type,
      Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.next().value!)),
    ),
  ];
};

/** Broadcasting both ways: a 1 in the wanted shape keeps the input's dimension. */
const expand: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const target = requiredEntries(node, inputs, 1, 'shape');
  const expanded = broadcast(dims, target);
  return [
    unknown(type, expanded ?? fail(node, `input ${formatDims(dims)} cannot be expanded to ${formatDims(target)}`)),
  ];
};

export const RESHAPE_RULES: RuleTable = {
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Expand: expand,
};
