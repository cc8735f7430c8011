import { type Dim, formatDims, intOf, sameDim } from '../graph.ts';
import { broadcast } from './dims.ts';
import { commonType, fail, operand, operandOfRank, unknown } from './operands.ts';
import type { RuleTable, ShapeRule } from './rule.ts';

/** numpy.matmul: the last two dimensions multiply, those before broadcast; a vector loses the dimension it gains. */
const matMul: ShapeRule = (node, inputs) => {
  const [a, b] = [operandOfRank(node, inputs, 0, 1), operandOfRank(node, inputs, 1, 1)];
  const left = a.dims.length === 1 ? [1, ...a.dims] : a.dims;
  const right = b.dims.length === 1 ? [...b.dims, 1] : b.dims;
  const stacks = broadcast(left.slice(0, -2), right.slice(0, -2));
  if (stacks === undefined || !sameDim(left.at(-1)!, right.at(-2)!)) {
    fail(node, `shapes ${formatDims(a.dims)} and ${formatDims(b.dims)} cannot be multiplied`);
  }
  const rows = a.dims.length === 1 ? [] : [left.at(-2)!];
  const columns = b.dims.length === 1 ? [] : [right.at(-1)!];
  return [unknown(commonType(node, [a, b]), [...stacks, ...rows, ...columns])];
};

/** https://onnx.ai/onnx/operators/onnx__Gemm.html: the third operand is broadcast to the product. */
const gemm: ShapeRule = (node, inputs) => {
  const [a, b, c] = [operand(node, inputs, 0), operand(node, inputs, 1), inputs[2]];
  const [rows, inner] = oriented(a.dims, intOf(node, 'transA', 0));
  const [depth, columns] = oriented(b.dims, intOf(node, 'transB', 0));
  if (a.dims.length !== 2 || b.dims.length !== 2 || !sameDim(inner!, depth!)) {
    fail(node, `shapes ${formatDims(a.dims)} and ${formatDims(b.dims)} cannot be multiplied`);
  }
  const dims = [rows!, columns!];
  const sum = c && broadcast(dims, c.dims);
  if (c !== undefined && (sum?.length !== 2 || !sum.every((dim, axis) => sameDim(dim, dims[axis]!)))) {
    fail(node, `the third operand ${formatDims(c.dims)} does not fit the product ${formatDims(dims)}`);
  }
  return [unknown(commonType(node, c === undefined ? [a, b] : [a, b, c]), dims)];
};

function oriented(dims: readonly Dim[], transposed: number): readonly Dim[] {
  return transposed === 0 ? dims : [...dims].reverse();
}

export const LINEAR_RULES: RuleTable = { MatMul: matMul, Gemm: gemm };
