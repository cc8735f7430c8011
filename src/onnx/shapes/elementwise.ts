import type { ElementType } from '../../numeric/tensor.ts';
import { type Dim, formatDims, intOf, type Node } from '../graph.ts';
import { broadcast } from './dims.ts';
import {
  axisOf,
  commonType,
  elementTypeOf,
  entriesOf,
  fail,
  operand,
  type RuleTable,
  type ShapeRule,
  type TypedShape,
  unknown,
} from './operands.ts';

/** Ops that work element by element, alone or on operands broadcast to one shape. */

const UNARY = [
  ...['Abs', 'Ceil', 'Cos', 'Erf', 'Exp', 'Floor', 'Log', 'Neg', 'Not', 'Reciprocal', 'Round', 'Sign', 'Sin', 'Sqrt'],
  ...['Sinh', 'Cosh', 'Asin', 'Acos', 'Acosh', 'Atanh', 'Shrink'],
  ...['Tan', 'Atan', 'Identity', 'Relu', 'LeakyRelu', 'Elu', 'Selu', 'Celu', 'ThresholdedRelu', 'Softplus'],
  ...['Softsign', 'Sigmoid', 'HardSigmoid', 'Tanh', 'Gelu', 'HardSwish', 'Mish', 'Clip'],
];
/** Unary, but along one axis: the shape stays, the axis has to be there. */
const ALONG_AXIS = ['Softmax', 'LogSoftmax', 'Hardmax'];
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Mod'];
const VARIADIC = ['Min', 'Max', 'Sum', 'Mean'];
const COMPARISONS = ['Equal', 'Less', 'Greater', 'LessOrEqual', 'GreaterOrEqual', 'And', 'Or', 'Xor'];

const unary: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  return [unknown(type, dims)];
};

/** https://onnx.ai/onnx/operators/onnx__Dropout.html: inputs data, ratio, training_mode; the mask is an optional output. */
const dropout: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  if (inputs[2] && entriesOf(inputs[2])?.[0] !== 0) fail(node, 'it is in training mode; export the model in eval mode');
  return [unknown(type, dims), unknown('bool', dims)];
};

const alongAxis: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  axisOf(node, intOf(node, 'axis', -1), dims.length);
  return [unknown(type, dims)];
};

/** Any number of operands of one type; the result has that type, or `type`. */
function broadcasting(type?: ElementType): ShapeRule {
  return (node, inputs) => {
    const operands = inputs.map((_, index) => operand(node, inputs, index));
    return [unknown(type ?? commonType(node, operands), broadcastAll(node, operands))];
  };
}

function binary(type?: ElementType): ShapeRule {
  const rule = broadcasting(type);
  return (node, inputs) => {
    commonType(node, [operand(node, inputs, 0), operand(node, inputs, 1)]);
    return rule(node, inputs);
  };
}

const pow: ShapeRule = (node, inputs) => {
  const base = operand(node, inputs, 0);
  return [unknown(base.type, broadcastAll(node, [base, operand(node, inputs, 1)]))];
};

const where: ShapeRule = (node, inputs) => {
  const condition = operand(node, inputs, 0);
  const [yes, no] = [operand(node, inputs, 1), operand(node, inputs, 2)];
  if (condition.type !== 'bool') fail(node, `its condition is ${condition.type}, and has to be bool`);
  return [unknown(commonType(node, [yes, no]), broadcastAll(node, [condition, yes, no]))];
};

/** The slope is broadcast to the input, never the other way round. */
const prelu: ShapeRule = (node, inputs) => {
  const [value, slope] = [operand(node, inputs, 0), operand(node, inputs, 1)];
  const dims = broadcastAll(node, [value, slope]);
  if (dims.length > value.dims.length) {
    fail(node, `slope ${formatDims(slope.dims)} has more dimensions than input ${formatDims(value.dims)}`);
  }
  return [unknown(value.type, value.dims)];
};

const cast: ShapeRule = (node, inputs) => [
  unknown(elementTypeOf(node, 'to', undefined), operand(node, inputs, 0).dims),
];

const eyeLike: ShapeRule = (node, inputs) => {
  const { type, dims } = operand(node, inputs, 0);
  return [unknown(elementTypeOf(node, 'dtype', type), dims)];
};

/** The shape all operands broadcast to. Throws GraphError showing the two shapes that do not fit. */
function broadcastAll(node: Node, operands: readonly TypedShape[]): readonly Dim[] {
  return operands.reduce<readonly Dim[]>(
    (dims, value) =>
      broadcast(dims, value.dims) ??
      fail(node, `shapes ${formatDims(dims)} and ${formatDims(value.dims)} cannot be broadcast to one`),
    [],
  );
}

function each(ops: readonly string[], rule: ShapeRule): RuleTable {
  return Object.fromEntries(ops.map((op) => [op, rule]));
}

export const ELEMENTWISE_RULES: RuleTable = {
  ...each(UNARY, unary),
  ...each(ALONG_AXIS, alongAxis),
  ...each(BINARY, binary()),
  ...each(VARIADIC, broadcasting()),
  ...each(COMPARISONS, binary('bool')),
  IsNaN: (node, inputs) => [unknown('bool', operand(node, inputs, 0).dims)],
  IsInf: (node, inputs) => [unknown('bool', operand(node, inputs, 0).dims)],
  Pow: pow,
  PRelu: prelu,
  Dropout: dropout,
  Where: where,
  Cast: cast,
  EyeLike: eyeLike,
  Trilu: unary,
  CumSum: unary,
};
