import { type Dim, floatOf, intOf, type Node } from '../../onnx/graph.ts';
import type { Rule } from '../../onnx/passes/rewrite.ts';
import type { DeviceFault, NodeTest } from './device-fault.ts';
import {
  batchNormalization,
  celu,
  clip,
  hardmax,
  hardSigmoid,
  instanceNormalization,
  layerNormalization,
  localResponse,
  logSoftmax,
  lpPool,
  mean,
  meanVarianceNormalization,
  pow,
  prelu,
  relu,
  selu,
  shapeOf,
  shrink,
  sign,
  softmax,
  softsign,
  spaceToDepth,
  sum,
  zeros,
} from './forms.ts';
import { maxPoolGradient } from './max-pool-gradient.ts';

const spatialRank: (rank: number) => NodeTest = (rank) => (node, builder) =>
  builder.shape(node.inputs[0]!).length === rank + 2;

const isVector: NodeTest = (node, builder) => builder.shape(node.inputs[0]!).length === 2;

/** Of operands with several elements each, one has a 1 where the other has a length: beside the last axis others may differ. */
const repeatsAlongLast: NodeTest = (node, builder) => {
  const [a, b] = node.inputs.map((name) => builder.shape(name)) as [readonly Dim[], readonly Dim[]];
  const isSingle = (dims: readonly Dim[]) => dims.length < 2 && dims.every((dim) => dim === 1);
  return !isSingle(a) && !isSingle(b) && a.at(-1) !== b.at(-1);
};

/** A HardSigmoid of a model: gradients write masks of 0 and 1 as one of 2^100 and more, whose NaN the model's own values show. */
const isGentle: NodeTest = (node) => Math.abs(floatOf(node, 'alpha', 0.2)) < 2 ** 20;

const isFloat: NodeTest = (node, builder) => builder.type(node.inputs[0]!) === 'float32';

const hasIndices = ({ outputs }: Node) => (outputs[1] ?? '') !== '';

const isGrouped3D: NodeTest = (node, builder) => intOf(node, 'group', 1) > 1 && spatialRank(3)(node, builder);

const hasOneOutputPerGroup: NodeTest = (node, builder) =>
  intOf(node, 'group', 1) > 1 && builder.shape(node.inputs[1]!)[1] === 1;

/** What onnxruntime 1.30's WebGPU provider cannot do, found on Dawn over Vulkan in software. test/device holds each line that has a remedy. */
export const WEBGPU_FAULTS: readonly DeviceFault[] = [
  {
    ...{ device: 'webgpu', op: 'Conv', effect: 'wrong' },
    what: 'channels-last, with input channels a multiple of 3 and not of 4, and output channels a multiple of 4',
    upstream: '#29651',
    remedy: { kind: 'option', option: 'preferredLayout' },
  },
  {
    ...{ device: 'webgpu', op: 'ConvTranspose', effect: 'wrong', when: hasOneOutputPerGroup },
    what: 'channels-last, with groups of one output and several inputs',
    remedy: { kind: 'option', option: 'preferredLayout' },
  },
  {
    ...{ device: 'webgpu', op: 'MaxPool', effect: 'fails', when: hasIndices },
    what: 'cannot tell where the maxima were',
    upstream: '#23714',
    remedy: { kind: 'rewrite', of: 'ScatterElements', rule: maxPoolGradient },
  },
  {
    ...{ device: 'webgpu', op: 'BatchNormalization', effect: 'wrong', when: isVector },
    what: 'channels first, of [N, C] with channels a multiple of 4',
    upstream: '#26659',
    remedy: { kind: 'rewrite', rule: batchNormalization },
  },
  {
    ...{ device: 'webgpu', op: 'LayerNormalization', effect: 'wrong' },
    what: 'takes the variance for the mean of the squares less the square of the mean: few digits are left of it where the mean is large',
    remedy: { kind: 'rewrite', rule: layerNormalization },
  },
  {
    ...{ device: 'webgpu', op: 'InstanceNormalization', effect: 'wrong' },
    what: 'does so as well',
    remedy: { kind: 'rewrite', rule: instanceNormalization },
  },
  {
    ...{ device: 'webgpu', op: 'Relu', effect: 'wrong' },
    what: 'takes NaN for 0',
    remedy: { kind: 'rewrite', rule: relu },
  },
  {
    ...{ device: 'webgpu', op: 'Clip', effect: 'wrong', when: isFloat },
    what: 'takes NaN for its lower bound',
    remedy: { kind: 'rewrite', rule: clip },
  },
  {
    ...{ device: 'webgpu', op: 'HardSigmoid', effect: 'wrong', when: isGentle },
    what: 'takes NaN for 0',
    remedy: { kind: 'rewrite', rule: hardSigmoid },
  },
  {
    ...{ device: 'webgpu', op: 'Softmax', effect: 'wrong' },
    what: 'leaves NaN out',
    remedy: { kind: 'rewrite', rule: softmax },
  },
  {
    ...{ device: 'webgpu', op: 'Pow', effect: 'fails', when: repeatsAlongLast },
    what: 'repeats no operand along the last axis beside one that has it, nor the other way',
    remedy: { kind: 'rewrite', rule: pow },
  },
  {
    ...{ device: 'webgpu', op: 'PRelu', effect: 'fails', when: repeatsAlongLast },
    what: 'does not either',
    remedy: { kind: 'rewrite', rule: prelu },
  },
  {
    ...{ device: 'webgpu', op: 'ConvTranspose', effect: 'fails', when: spatialRank(3) },
    what: 'has no 3-D form',
    remedy: { kind: 'refuse' },
  },
  {
    ...{ device: 'webgpu', op: 'Conv', effect: 'fails', when: isGrouped3D },
    what: 'has no 3-D form with groups',
    remedy: { kind: 'refuse' },
  },
  {
    ...{ device: 'webgpu', op: 'Resize', effect: 'fails', when: (node) => intOf(node, 'antialias', 0) === 1 },
    what: 'has no form with antialias',
    remedy: { kind: 'refuse' },
  },
  elsewhere('LogSoftmax', logSoftmax),
  elsewhere('Hardmax', hardmax),
  elsewhere('Sign', sign, isFloat),
  elsewhere('Selu', selu),
  elsewhere('Celu', celu),
  elsewhere('Softsign', softsign),
  elsewhere('Shrink', shrink),
  elsewhere('SpaceToDepth', spaceToDepth),
  elsewhere('LRN', localResponse),
  elsewhere('LpPool', lpPool),
  elsewhere('Sum', sum),
  elsewhere('Mean', mean),
  elsewhere('MeanVarianceNormalization', meanVarianceNormalization),
  elsewhere('ConstantOfShape', zeros, (node, builder) => shapeOf(node, builder) !== undefined),
  ...['Round', 'Mod', 'IsNaN', 'IsInf', 'Or', 'Xor'].map(
    (op): DeviceFault => ({
      ...{ device: 'webgpu', op, effect: 'elsewhere', what: 'has no kernel' },
      remedy: { kind: 'leave' },
    }),
  ),
];

function elsewhere(op: string, rule: Rule, when?: NodeTest): DeviceFault {
  return {
    ...{ device: 'webgpu', op, effect: 'elsewhere', what: 'has no kernel' },
    ...(when && { when }),
    remedy: { kind: 'rewrite', rule },
  };
}
