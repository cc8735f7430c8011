import { formatDims, intOf, type Node, sameDim } from '../graph.ts';
import { broadcast } from './dims.ts';
import { axisOf, fail, operand, operandOfRank, unknown } from './operands.ts';
import type { RuleTable, ShapeRule, TypedShape } from './rule.ts';

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

export const NORMALIZATION_RULES: RuleTable = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: perChannel(1, 2),
  /** Opset 18 has one scale per group, opset 21 one per channel: what the vectors are is for `upgrade` to say. */
  GroupNormalization: sameShape,
  LayerNormalization: layerNormalization,
  LpNormalization: sameShape,
  LRN: sameShape,
  MeanVarianceNormalization: sameShape,
};
