import { intsOf } from '../graph.ts';
import { fail, operandOfRank, staticDims, unknown } from './operands.ts';
import type { RuleTable, ShapeRule } from './rule.ts';
import { windowsOf } from './windows.ts';

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
