import { intOf } from '../graph.ts';
import { axesOf, axisOf, operand, operandOfRank, optionalNumbers, requiredNumbers, unknown } from './operands.ts';
import type { RuleTable, ShapeRule } from './rule.ts';

/** https://onnx.ai/onnx/operators/onnx__ReduceMean.html (18): axes are the second input, all of them by default. */
const reduce: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  const given = optionalNumbers(node, inputs, 1, 'axes') ?? [];
  if (given.length === 0 && intOf(node, 'noop_with_empty_axes', 0) === 1) return [unknown(type, dims)];
  const axes = new Set(given.length === 0 ? dims.keys() : axesOf(node, given, dims.length));
  const kept = intOf(node, 'keepdims', 1) === 1 ? [1] : [];
  return [
    unknown(
      type,
      dims.flatMap((dim, axis) => (axes.has(axis) ? kept : [dim])),
    ),
  ];
};

const argReduce: ShapeRule = (node, inputs) => {
  const { dims } = operandOfRank(node, inputs, 0, 1);
  const axis = axisOf(node, intOf(node, 'axis', 0), dims.length);
  const kept = intOf(node, 'keepdims', 1) === 1 ? [1] : [];
  return [unknown('int64', [...dims.slice(0, axis), ...kept, ...dims.slice(axis + 1)])];
};

const topK: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 1);
  const [k] = requiredNumbers(node, inputs, 1, 'k');
  const axis = axisOf(node, intOf(node, 'axis', -1), dims.length);
  const top = dims.with(axis, k ?? 1);
  return [unknown(type, top), unknown('int64', top)];
};

export const REDUCTION_RULES: RuleTable = {
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceSumSquare: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ArgMax: argReduce,
  ArgMin: argReduce,
  TopK: topK,
};
