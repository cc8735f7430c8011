import { type Dim, formatDims, intOf, isBatch, type Node, sameDim } from '../graph.ts';
import { broadcast } from './dims.ts';
import {
  axesOf,
  axisOf,
  commonType,
  fail,
  operand,
  operandOfRank,
  optionalNumbers,
  type RuleTable,
  requiredNumbers,
  type ShapeRule,
  type TypedShape,
  unknown,
} from './operands.ts';

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

/** Scale, bias and the like of one number per channel, for each of the inputs from `first` to `last`. */
function perChannel(first: number, last: number): ShapeRule {
  return (node, inputs) => {
    const input = operandOfRank(node, inputs, 0, 2);
    for (let index = first; index <= last; index++) checkVector(node, input, operand(node, inputs, index));
    return [unknown(input.type, input.dims)];
  };
}

function checkVector(node: Node, input: TypedShape, vector: TypedShape): void {
  if (vector.dims.length !== 1 || !sameDim(vector.dims[0]!, input.dims[1]!)) {
    fail(node, `${formatDims(vector.dims)} is not one number per channel of input ${formatDims(input.dims)}`);
  }
}

const batchNormalization: ShapeRule = (node, inputs) => {
  if (intOf(node, 'training_mode', 0) !== 0) {
    fail(node, 'it is in training mode, where images of a batch depend on each other; export the model in eval mode');
  }
  return perChannel(1, 4)(node, inputs);
};

/** https://onnx.ai/onnx/operators/onnx__LayerNormalization.html; mean and inverse deviation are optional outputs. */
const layerNormalization: ShapeRule = (node, inputs) => {
  const input = operandOfRank(node, inputs, 0, 1);
  const axis = axisOf(node, intOf(node, 'axis', -1), input.dims.length);
  const normalised = input.dims.slice(axis);
  for (const weight of [operand(node, inputs, 1), inputs[2]]) {
    if (weight !== undefined && broadcast(normalised, weight.dims)?.length !== normalised.length) {
      fail(node, `weight ${formatDims(weight.dims)} does not fit the normalised part ${formatDims(normalised)}`);
    }
  }
  const statistics = [...input.dims.slice(0, axis), ...normalised.map(() => 1)];
  return node.outputs.map((_, index) =>
    index === 0 ? unknown(input.type, input.dims) : unknown('float32', statistics),
  );
};

const sameShape: ShapeRule = (node, inputs) => {
  const { type, dims } = operandOfRank(node, inputs, 0, 2);
  return [unknown(type, dims)];
};

const localResponse: ShapeRule = (node, inputs) => {
  const size = intOf(node, 'size', 0);
  if (size % 2 !== 1) fail(node, `its window of ${size} channels has no middle, and runtimes take odd sizes alone`);
  return sameShape(node, inputs);
};

export const NORMALIZATION_RULES: RuleTable = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: perChannel(1, 2),
  /** Opset 18 has one scale per group, opset 21 one per channel: what the vectors are is for `upgrade` to say. */
  GroupNormalization: sameShape,
  LayerNormalization: layerNormalization,
  LpNormalization: sameShape,
  LRN: localResponse,
  MeanVarianceNormalization: sameShape,
};

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
  const length = dims[axis]!;
  if (isBatch(length)) fail(node, 'it mixes the images of a batch: it sorts them among each other');
  if (k === undefined || k > length) fail(node, `the ${k} largest along axis ${axis} of ${formatDims(dims)}`);
  const top = dims.with(axis, k);
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
