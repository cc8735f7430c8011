import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { keyedStream } from '../../src/numeric/random.ts';
import { sizeOf } from '../../src/numeric/tensor.ts';

/** Small networks with random weights and the names of the real ones, to run what real checkpoints would be run with. */

type Weights = readonly (readonly [name: string, dims: readonly number[]])[];

/** Weights of an architecture with a given number of classes: one block a stage, a few channels. */
type StandIn = (classes: number) => Weights;

const WIDTH = 4;

/** ResNet-18 of CIFAR, models/resnet_val.py of the public code. */
const cifarResNet: StandIn = (classes) => [
  ['conv1.weight', [WIDTH, 3, 3, 3]],
  ...batchNorm('bn1', WIDTH),
  ...stages(4, (inputs, width, index) => {
    const block = `layer${index + 1}.0`;
    return [
      ...convolution(`${block}.conv1`, `${block}.bn1`, [width, inputs, 3, 3]),
      ...convolution(`${block}.conv2`, `${block}.bn2`, [width, width, 3, 3]),
      ...(inputs === width ? [] : convolution(`${block}.shortcut.0`, `${block}.shortcut.1`, [width, inputs, 1, 1])),
    ];
  }),
  ...linear('linear', 8 * WIDTH, classes),
];

/** PreActResNet-18 with a BatchNorm before the linear layer, as RobustBench's Addepalli2021Towards_PARN18. */
const preActResNet: StandIn = (classes) => [
  ['conv1.weight', [WIDTH, 3, 3, 3]],
  ...stages(4, (inputs, width, index) => {
    const block = `layer${index + 1}.0`;
    return [
      ...batchNorm(`${block}.bn1`, inputs),
      [`${block}.conv1.weight`, [width, inputs, 3, 3]],
      ...convolution(`${block}.conv2`, `${block}.bn2`, [width, width, 3, 3]),
      ...(inputs === width ? [] : ([[`${block}.shortcut.0.weight`, [width, inputs, 1, 1]]] as const)),
    ];
  }),
  ...batchNorm('bn', 8 * WIDTH),
  ...linear('linear', 8 * WIDTH, classes),
];

/** WideResNet-34-10 of TRADES. */
const wideResNet: StandIn = (classes) => [
  ['conv1.weight', [WIDTH, 3, 3, 3]],
  ...stages(3, (inputs, width, index) => {
    const block = `block${index + 1}.layer.0`;
    return [
      ...batchNorm(`${block}.bn1`, inputs),
      [`${block}.conv1.weight`, [width, inputs, 3, 3]],
      ...convolution(`${block}.conv2`, `${block}.bn2`, [width, width, 3, 3]),
      ...(inputs === width ? [] : ([[`${block}.convShortcut.weight`, [width, inputs, 1, 1]]] as const)),
    ];
  }),
  ...batchNorm('bn1', 4 * WIDTH),
  ...linear('fc', 4 * WIDTH, classes),
];

/** ResNet-50 of torchvision; a bottleneck gives out four times its width. */
const imageNetResNet: StandIn = (classes) => [
  ...convolution('conv1', 'bn1', [WIDTH, 3, 7, 7]),
  ...stages(4, (_, width, index) => {
    const block = `layer${index + 1}.0`;
    const inputs = index === 0 ? WIDTH : 2 * width;
    return [
      ...convolution(`${block}.conv1`, `${block}.bn1`, [width, inputs, 1, 1]),
      ...convolution(`${block}.conv2`, `${block}.bn2`, [width, width, 3, 3]),
      ...convolution(`${block}.conv3`, `${block}.bn3`, [4 * width, width, 1, 1]),
      ...convolution(`${block}.downsample.0`, `${block}.downsample.1`, [4 * width, inputs, 1, 1]),
    ];
  }),
  ...linear('fc', 32 * WIDTH, classes),
];

export const STAND_INS = { cifarResNet, preActResNet, wideResNet, imageNetResNet };
export type StandInName = keyof typeof STAND_INS;

/** Channels of "layer3" or "block3" of a stand-in. */
export function unitsOf(name: StandInName, layer: string): number {
  const stage = Number(/\d$/.exec(layer)?.[0] ?? 1);
  const units = WIDTH * 2 ** (stage - 1);
  return name === 'imageNetResNet' ? 4 * units : units;
}

/** Stages whose width doubles, the first as wide as the stem. */
function stages(count: number, block: (inputs: number, width: number, index: number) => Weights): Weights {
  return Array.from({ length: count }, (_, index) => {
    const width = WIDTH * 2 ** index;
    return block(index === 0 ? WIDTH : width / 2, width, index);
  }).flat();
}

/** A convolution without bias, and the BatchNorm behind it. */
function convolution(name: string, norm: string, dims: readonly [number, number, number, number]): Weights {
  return [[`${name}.weight`, dims], ...batchNorm(norm, dims[0])];
}

function batchNorm(name: string, width: number): Weights {
  return ['weight', 'bias', 'running_mean', 'running_var'].map((part) => [`${name}.${part}`, [width]] as const);
}

function linear(name: string, inputs: number, classes: number): Weights {
  return [
    [`${name}.weight`, [classes, inputs]],
    [`${name}.bias`, [classes]],
  ];
}

/** Writes a network's weights as safetensors; the same ones every time. */
export function writeStandIn(path: string, name: StandInName, classes: number): string {
  const tensors = STAND_INS[name](classes).map(([weight, dims]) => ({ weight, dims, values: draw(weight, dims) }));
  let end = 0;
  const header = Object.fromEntries(
    tensors.map(({ weight, dims, values }) => {
      const begin = end;
      end += values.byteLength;
      return [weight, { dtype: 'F32', shape: dims, data_offsets: [begin, end] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([length, text, ...tensors.map(({ values }) => Buffer.from(values.buffer))]));
  return path;
}

/** He's initialisation (arXiv:1502.01852) of what multiplies, BatchNorms that do little. */
function draw(name: string, dims: readonly number[]): Float32Array {
  const stream = keyedStream(['stand-in', name]);
  const size = sizeOf(dims);
  if (dims.length > 1) {
    const scale = Math.sqrt(2 / (size / (dims[0] ?? 1)));
    return Float32Array.from({ length: size }, () => scale * stream.normal());
  }
  const centre = /(running_var|\.weight)$/.test(name) ? 1 : 0;
  return Float32Array.from({ length: size }, () => centre + 0.2 * (stream.uniform() - 0.5));
}
