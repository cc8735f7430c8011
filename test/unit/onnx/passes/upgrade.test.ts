import { describe, expect, it } from 'vitest';
import { float32, int64 } from '../../../../src/numeric/tensor.ts';
import { float } from '../../../../src/onnx/builder.ts';
import { decodeModel, encodeModel } from '../../../../src/onnx/codec/model.ts';
import type { Dim, Model } from '../../../../src/onnx/graph.ts';
import { upgrade } from '../../../../src/onnx/passes/upgrade.ts';
import { expectSameOutputs, type ModelParts, modelOf, node, opsOf } from '../support/models.ts';
import { randomTensor } from '../support/run.ts';

const N: Dim = { batch: 1 };
const IMAGE = { x: [N, 4, 5, 6] };

/** Old models, one per op that changed: what they are, and their parts. */
const OLD: [string, ModelParts][] = [
  ['Squeeze 11', { opset: 11, inputs: { x: [N, 1, 3, 1] }, nodes: [node('Squeeze', ['x'], 'y', { axes: [1, -1] })] }],
  ['Squeeze 9 of every 1', { opset: 9, inputs: { x: [N, 1, 3] }, nodes: [node('Squeeze', ['x'], 'y')] }],
  ['Unsqueeze 9', { opset: 9, nodes: [node('Unsqueeze', ['x'], 'y', { axes: [0, 3] })] }],
  ...['Sum', 'Mean', 'Max', 'Min', 'Prod', 'L1', 'L2', 'SumSquare', 'LogSumExp'].flatMap(
    (kind): [string, ModelParts][] => [
      [
        `Reduce${kind} 9`,
        { opset: 9, inputs: IMAGE, nodes: [node(`Reduce${kind}`, ['x'], 'y', { axes: [2, 3], keepdims: 0 })] },
      ],
      [
        `Reduce${kind} 12 of all`,
        { opset: 12, inputs: IMAGE, nodes: [node(`Reduce${kind}`, ['x'], 'y', { axes: [0, 1, 2, 3] })] },
      ],
    ],
  ),
  ['ReduceMean 17', { opset: 17, inputs: IMAGE, nodes: [node('ReduceMean', ['x'], 'y', { axes: [-1] })] }],
  [
    'ReduceSum 13, axes an input already',
    {
      opset: 13,
      inputs: IMAGE,
      initializers: { axes: int64([1], [1]) },
      nodes: [node('ReduceSum', ['x', 'axes'], 'y')],
    },
  ],
  ['Split 11 by sizes', split(11, ['x'], { axis: 1, split: [1, 3] })],
  ['Split 11 in equal parts', split(11, ['x'], { axis: 1 })],
  ['Split 13 in equal parts', split(13, ['x'], { axis: 1 })],
  ['Split 13 by sizes', { ...split(13, ['x', 'sizes'], { axis: 1 }), initializers: { sizes: int64([2], [3, 1]) } }],
  [
    'Slice 9',
    {
      opset: 9,
      inputs: IMAGE,
      nodes: [node('Slice', ['x'], 'y', { starts: [1, -2], ends: [2 ** 63, -1], axes: [2, 3] })],
    },
  ],
  ['Slice 9 without axes', { opset: 9, nodes: [node('Slice', ['x'], 'y', { starts: [0, 1], ends: [2 ** 31, 3] })] }],
  [
    'Pad 9',
    {
      opset: 9,
      inputs: IMAGE,
      nodes: [node('Pad', ['x'], 'y', { pads: [0, 0, 1, 2, 0, 0, 3, 0], value: float(0.5) })],
    },
  ],
  [
    'Pad 9, reflected',
    { opset: 9, inputs: IMAGE, nodes: [node('Pad', ['x'], 'y', { pads: [0, 0, 1, 1, 0, 0, 1, 1], mode: 'reflect' })] },
  ],
  ['Clip 9', { opset: 9, nodes: [node('Clip', ['x'], 'y', { min: float(-0.25), max: float(0.5) })] }],
  ['Clip 9, one-sided', { opset: 9, nodes: [node('Clip', ['x'], 'y', { max: float(0.5) })] }],
  ['Clip 9, the other side', { opset: 9, nodes: [node('Clip', ['x'], 'y', { min: float(0.5) })] }],
  [
    'TopK 9',
    {
      opset: 9,
      nodes: [node('TopK', ['x'], 'y', { k: 2, axis: 1 })].map((top) => ({ ...top, outputs: ['y', 'at'] })),
      outputs: ['y'],
    },
  ],
  ['Dropout 9', { opset: 9, nodes: [node('Dropout', ['x'], 'y', { ratio: float(0.5) })] }],
  [
    'BatchNormalization 9',
    {
      opset: 9,
      inputs: IMAGE,
      initializers: { s: float32([4], [1, 2, 3, 4]), v: float32([4], [4, 3, 2, 1]) },
      nodes: [
        node('BatchNormalization', ['x', 's', 's', 'v', 'v'], 'y', { momentum: float(0.9), epsilon: float(1e-3) }),
      ],
    },
  ],
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op): [string, ModelParts][] => [
    [`${op} 9 of a matrix`, { opset: 9, nodes: [node(op, ['x'], 'y')] }],
    [`${op} 9, by default all but the first axis`, { opset: 9, inputs: IMAGE, nodes: [node(op, ['x'], 'y')] }],
    [`${op} 11 from axis 2`, { opset: 11, inputs: IMAGE, nodes: [node(op, ['x'], 'y', { axis: 2 })] }],
    [`${op} 11 along the last axis`, { opset: 11, inputs: IMAGE, nodes: [node(op, ['x'], 'y', { axis: 3 })] }],
    [`${op} 13 along axis 1`, { opset: 13, inputs: IMAGE, nodes: [node(op, ['x'], 'y', { axis: 1 })] }],
  ]),
  ...['nearest', 'linear'].flatMap((mode): [string, ModelParts][] => [
    [`Upsample 9, ${mode}`, resized(9, 'Upsample', mode, [1, 1, 2, 1.5])],
    [`Resize 10, ${mode}`, resized(10, 'Resize', mode, [1, 1, 0.5, 2])],
  ]),
  [
    'Resize 11',
    {
      ...resized(11, 'Resize', 'linear', [1, 1, 2, 2]),
      nodes: [
        node('Resize', ['x', 'roi', 'scales'], 'y', {
          mode: 'linear',
          coordinate_transformation_mode: 'pytorch_half_pixel',
        }),
      ],
    },
  ],
  [
    'Scatter 9',
    {
      opset: 9,
      initializers: { at: int64([2, 1], [3, 0]), values: randomTensor([2, 1], 5) },
      nodes: [node('Scatter', ['x', 'at', 'values'], 'y', { axis: 1 })],
    },
  ],
  ['GroupNormalization 18, scales per group', normalizedGroups(18, 2)],
  ['GroupNormalization 21, scales per channel', normalizedGroups(21, 4)],
  [
    'Constant 11',
    {
      opset: 11,
      nodes: [
        node('Constant', [], 'c', { value: { kind: 'tensor', value: float32([4], [1, 2, 3, 4]) } }),
        node('Add', ['x', 'c'], 'y'),
      ],
    },
  ],
  [
    'Constant 13 of floats',
    {
      opset: 13,
      nodes: [
        node('Constant', [], 'c', { value_floats: { kind: 'floats', value: [1, 2, 3, 4] } }),
        node('Add', ['x', 'c'], 'y'),
      ],
    },
  ],
  [
    'Gemm 9 with a C',
    {
      opset: 9,
      initializers: { w: randomTensor([4, 3], 1), b: randomTensor([3], 2) },
      nodes: [node('Gemm', ['x', 'w', 'b'], 'y')],
    },
  ],
  [
    'Gemm 13 without C',
    { opset: 13, initializers: { w: randomTensor([4, 3], 1) }, nodes: [node('Gemm', ['x', 'w'], 'y')] },
  ],
  ['Flatten 9', { opset: 9, inputs: IMAGE, nodes: [node('Flatten', ['x'], 'y', { axis: 2 })] }],
  [
    'OneHot 9',
    {
      opset: 9,
      inputType: 'int64',
      initializers: { depth: int64([1], [3]), values: float32([2], [-1, 1]) },
      nodes: [node('OneHot', ['x', 'depth', 'values'], 'y', { axis: 1 })],
    },
  ],
  [
    'MaxPool 22',
    { opset: 22, inputs: IMAGE, nodes: [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], strides: [2, 2] })] },
  ],
  [
    'CastLike 15',
    {
      opset: 15,
      initializers: { like: int64([], [1]) },
      nodes: [node('CastLike', ['x', 'like'], 'h'), node('CastLike', ['h', 'x'], 'y')],
    },
  ],
  ['Relu 26', { opset: 26, nodes: [node('Relu', ['x'], 'y')] }],
  ['Gelu of com.microsoft', { opset: 17, nodes: [{ ...node('Gelu', ['x'], 'y'), domain: 'com.microsoft' }] }],
  [
    'QuickGelu of com.microsoft',
    { opset: 17, nodes: [{ ...node('QuickGelu', ['x'], 'y', { alpha: float(1.5) }), domain: 'com.microsoft' }] },
  ],
];

function split(opset: number, inputs: string[], attributes: Parameters<typeof node>[3]): ModelParts {
  return { opset, nodes: [{ ...node('Split', inputs, 'y', attributes), outputs: ['y', 'z'] }] };
}

function resized(opset: number, op: string, mode: string, scales: number[]): ModelParts {
  const initializers = { scales: float32([4], scales), roi: float32([0], []) };
  return { opset, inputs: IMAGE, initializers, nodes: [node(op, ['x', 'scales'], 'y', { mode })] };
}

function normalizedGroups(opset: number, scales: number): ModelParts {
  const initializers = { scale: randomTensor([scales], 3), bias: randomTensor([scales], 4) };
  const groups = node('GroupNormalization', ['x', 'scale', 'bias'], 'y', { num_groups: 2, epsilon: float(1e-3) });
  return { opset, inputs: IMAGE, initializers, nodes: [groups] };
}

function batchNorm(attributes: Parameters<typeof node>[3]): Model {
  const parts = ['scale', 'bias', 'mean', 'variance'];
  const initializers = Object.fromEntries(parts.map((part, index) => [part, float32([4], [1, 2, 3, 4 + index])]));
  return modelOf({
    opset: 9,
    inputs: IMAGE,
    initializers,
    nodes: [node('BatchNormalization', ['x', ...parts], 'y', attributes)],
  });
}

/** Ops refused by kind, and the beginning of what is said. */
const REFUSED_KINDS: [string, string][] = [
  ['DequantizeLinear', 'the model is quantised'],
  ['DynamicQuantizeLinear', 'the model is quantised'],
  ['QLinearConv', 'the model is quantised'],
  ['MatMulInteger', 'the model is quantised'],
  ['SplitToSequence', 'it makes or reads a Sequence'],
  ['SequenceAt', 'it makes or reads a Sequence'],
  ['OptionalGetElement', 'it makes or reads a Sequence'],
  ['If', 'what is computed hangs on a condition'],
  ['LSTM', 'it is a recurrent layer'],
  ['RMSNormalization', 'igd has no rule for this op of opset 23'],
  ['Multinomial', 'it draws a class'],
];

describe('upgrade', () => {
  it.each(OLD)('%s gives the same in the canonical opset', async (_, parts) => {
    const old = modelOf(parts);
    const upgraded = upgrade(old);
    expect(upgraded.opsets).toEqual(new Map([['', 20]]));
    await expectSameOutputs(old, upgraded);
  });

  it('drops the default of an attribute that BatchNormalization 9 has no longer', async () => {
    const left = upgrade(batchNorm({ spatial: 1 }));
    expect(left.graph.nodes[0]!.attributes).not.toHaveProperty('spatial');
    await expectSameOutputs(batchNorm({}), left);
  });

  it('refuses a node that is a function of the file, and says how to write it out', () => {
    const model = modelOf({ nodes: [{ ...node('Act', ['x'], 'y'), domain: 'my' }] });
    const source = decodeModel(encodeModel(model), 'model.onnx').source!;
    source.$unknown = [{ no: 25, wireType: 2, data: Uint8Array.of(0) }];
    expect(() => upgrade({ ...model, source })).toThrow(
      'Act "y" is of domain "my", and the file has functions of its own: write them out, onnx.save(onnx.inliner.',
    );
  });

  it('keeps Softmax one node where the axis is the last', () => {
    expect(opsOf(upgrade(modelOf({ opset: 9, nodes: [node('Softmax', ['x'], 'y')] })))).toEqual(['Softmax']);
  });

  it('makes initializers of Constant nodes', () => {
    const constant = node('Constant', [], 'c', { value: { kind: 'tensor', value: float32([], [2]) } });
    const { graph } = upgrade(modelOf({ opset: 13, nodes: [constant, node('Mul', ['x', 'c'], 'y')] }));
    expect(graph.nodes).toHaveLength(1);
    expect(graph.initializers.get('c')).toEqual(float32([], [2]));
  });

  const refusals: [string, Model, string][] = [
    [
      'an older opset',
      modelOf({ opset: 8, nodes: [node('Relu', ['x'], 'y')] }),
      'opset 8 is not one of 9 to 26: export the model with opset 17',
    ],
    [
      'a newer opset',
      modelOf({ opset: 27, nodes: [node('Relu', ['x'], 'y')] }),
      'opset 27 is not one of 9 to 26: export the model with opset 17',
    ],
    [
      'a foreign op',
      modelOf({ nodes: [{ ...node('FusedConv', ['x'], 'y'), domain: 'com.microsoft' }] }),
      'FusedConv "y" is of domain "com.microsoft": only standard ONNX ops are supported; export the model without optimising it for one runtime',
    ],
    ...REFUSED_KINDS.map(([op, reason]): [string, Model, string] => [
      op,
      modelOf({ nodes: [node(op, ['x'], 'y')] }),
      `${op} "y": ${reason}`,
    ]),
    [
      'a Celu that divides by 0',
      modelOf({ nodes: [node('Celu', ['x'], 'y', { alpha: float(0) })] }),
      'Celu "y": alpha 0 divides by zero: a Relu is what it tends to',
    ],
    [
      'BatchNorm of pixels',
      batchNorm({ spatial: 0 }),
      'BatchNormalization "y": its statistics are of single pixels (spatial 0)',
    ],
    [
      'LRN over an even number of channels',
      modelOf({ inputs: IMAGE, nodes: [node('LRN', ['x'], 'y', { size: 4 })] }),
      'LRN "y": its window of 4 channels has no middle',
    ],
    [
      'a dilated pool that pads itself, for runtimes differ in it',
      modelOf({
        inputs: IMAGE,
        nodes: [node('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], dilations: [2, 2], auto_pad: 'SAME_UPPER' })],
      }),
      'MaxPool "y": auto_pad SAME_UPPER with dilations means one thing to the standard and another to runtimes: write its pads out',
    ],
    [
      'ReverseSequence for what it is',
      modelOf({ nodes: [node('ReverseSequence', ['x'], 'y')] }),
      'no shape rule for ReverseSequence',
    ],
    ['an op without a rule', modelOf({ nodes: [node('NonZero', ['x'], 'y')] }), 'no shape rule for NonZero "y"'],
  ];
  it.each(refusals)('refuses %s', (_, model, message) => {
    expect(() => upgrade(model)).toThrow(message);
  });
});
