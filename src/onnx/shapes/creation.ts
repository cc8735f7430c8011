import { float32, int64, type Tensor } from '../../numeric/tensor.ts';
import { type Attribute, type Dim, intOf, isBatch, type Node } from '../graph.ts';
import { subtract } from './dims.ts';
import { fail, known, operand, type RuleTable, requiredEntries, type ShapeRule, unknown } from './operands.ts';

/** Ops that make a value of their own. */

const constant: ShapeRule = (node) => [known(constantTensor(node))];

/** The tensor of a Constant node. https://onnx.ai/onnx/operators/onnx__Constant.html */
export function constantTensor(node: Node): Tensor {
  for (const [key, read] of Object.entries(CONSTANT_FORMS)) {
    const attribute = node.attributes[key];
    const tensor = attribute && read(attribute);
    if (tensor) return tensor;
  }
  return fail(node, 'it holds no tensor and no numbers');
}

const CONSTANT_FORMS: Readonly<Record<string, (attribute: Attribute) => Tensor | undefined>> = {
  value: (attribute) => (attribute.kind === 'tensor' ? attribute.value : undefined),
  value_int: (attribute) => (attribute.kind === 'int' ? int64([], [attribute.value]) : undefined),
  value_float: (attribute) => (attribute.kind === 'float' ? float32([], [attribute.value]) : undefined),
  value_ints: (attribute) => (attribute.kind === 'ints' ? int64([attribute.value.length], attribute.value) : undefined),
  value_floats: (attribute) =>
    attribute.kind === 'floats' ? float32([attribute.value.length], attribute.value) : undefined,
};

/** Filled with attribute `value`, a float32 zero by default. */
const constantOfShape: ShapeRule = (node, inputs) => {
  const value = node.attributes.value;
  const type = value?.kind === 'tensor' ? value.value.type : 'float32';
  return [unknown(type, requiredEntries(node, inputs, 0, 'shape'))];
};

/** https://onnx.ai/onnx/operators/onnx__Shape.html (15): the dimensions from `start` to `end`. */
const shape: ShapeRule = (node, inputs) => {
  const { dims } = operand(node, inputs, 0);
  const entries = dims.slice(intOf(node, 'start', 0), intOf(node, 'end', dims.length));
  return [unknown('int64', [entries.length])];
};

const size: ShapeRule = () => [unknown('int64', [])];

/** A known number of steps, or from zero to the batch size in ones. */
const range: ShapeRule = (node, inputs) => {
  const bound = (index: number, what: string) =>
    requiredEntries(node, inputs, index, what)[0] ?? fail(node, `input ${index} (${what}) is empty`);
  const steps = stepsOf(node, bound(0, 'start'), bound(1, 'limit'), bound(2, 'delta'));
  return [unknown(operand(node, inputs, 0).type, [steps])];
};

function stepsOf(node: Node, start: Dim, limit: Dim, delta: Dim): Dim {
  const distance = subtract(limit, start);
  if (distance === undefined || isBatch(delta)) fail(node, 'its length depends on the batch size and on more');
  if (!isBatch(distance)) return Math.max(0, Math.ceil(distance / delta));
  return delta === 1 ? distance : fail(node, `it counts to the batch size in steps of ${delta}`);
}

export const CREATION_RULES: RuleTable = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Shape: shape,
  Size: size,
  Range: range,
};
