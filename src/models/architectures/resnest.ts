import { isBatch } from '../../onnx/graph.ts';
import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import { joined } from './modules.ts';

const STAGES = ['layer1', 'layer2', 'layer3', 'layer4'] as const;

/**
 * ResNeSt (Zhang et al., arXiv:2004.08955) with a deep stem and average pooling where it halves the resolution. For small images
 * (RobustBench's) the stem has no stride and no pooling; for others (https://github.com/zhanghang1989/ResNeSt, timm) both.
 */
export const resNeSt: Architecture = {
  name: 'resnest',
  imageShape: [3, 32, 32],
  recognises: (state) =>
    ['conv1.0.weight', 'conv1.6.weight', 'bn1.weight', 'layer1.0.conv2.fc1.weight', 'fc.weight'].every((name) =>
      state.has(name),
    ),
  build,
};

/** Images that are smaller are such as CIFAR's. */
const LARGE = 96;

function build(network: NetworkBuilder, x: string): Body {
  const height = network.graph.shape(x)[2];
  const small = height !== undefined && !isBatch(height) && height < LARGE;
  const stem = network.reading.choose('stem', small ? 'stride-1' : 'stride-2');
  const h = deepStem(network, x, stem === 'stride-1' ? 1 : 2);
  const { outputs, blocks } = network.stages(stem === 'stride-1' ? h : network.maxPool(h, 3, 2, 1), STAGES, block);
  const [layer1, layer2, layer3, layer4] = outputs;
  return {
    description: `ResNeSt-${3 * blocks + 2}, width ${network.width('layer1.0.conv1.weight')}`,
    logits: network.linear(network.globalAverage(layer4), 'fc'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

function deepStem(network: NetworkBuilder, x: string, stride: number): string {
  const step = (value: string, conv: string, norm: string, by: number) =>
    network.activate(network.batchNorm(network.conv(value, conv, { kernel: 3, stride: by, padding: 1 }), norm));
  return step(step(step(x, 'conv1.0', 'conv1.1', stride), 'conv1.3', 'conv1.4', 1), 'conv1.6', 'bn1', 1);
}

function block(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const squeezed = network.activate(network.batchNorm(network.conv(x, `${name}.conv1`, { kernel: 1 }), `${name}.bn1`));
  const attended = splitAttention(network, squeezed, `${name}.conv2`);
  const pooled =
    stride === 1 ? attended : network.averagePool(attended, `${name}.avd_layer`, { kernel: 3, stride, padding: 1 });
  const h = network.batchNorm(network.conv(pooled, `${name}.conv3`, { kernel: 1 }), `${name}.bn3`);
  return network.activate(joined(network, h, shortcutOf(network, x, name, stride), name));
}

function shortcutOf(network: NetworkBuilder, x: string, name: string, stride: number): string {
  if (!network.has(`${name}.downsample.1.weight`)) return x;
  const pooled =
    stride === 1 ? x : network.averagePool(x, `${name}.downsample.0`, { kernel: stride, stride, padding: 0 });
  return network.batchNorm(network.conv(pooled, `${name}.downsample.1`, { kernel: 1 }), `${name}.downsample.2`);
}

/**
 * A convolution that makes `radix` candidates of its value, and adds them up by weights of their own for each channel: a
 * softmax over the candidates, of two layers on the means of their sum.
 */
function splitAttention(network: NetworkBuilder, x: string, module: string): string {
  const { graph } = network;
  const channels = network.channels(x);
  const h = network.conv(x, `${module}.conv`, { kernel: 3, padding: 1, groups: 'any' });
  const stacked = network.activate(network.batchNorm(h, `${module}.bn0`));
  const radix = network.channels(stacked) / channels;
  const [batch, , height, width] = graph.shape(stacked) as [never, never, never, never];
  const candidates = graph.reshape(stacked, [batch, radix, channels, height, width]);
  const total = graph.op('ReduceSum', [candidates, graph.ints([1])], { keepdims: 0 });
  const means = graph.op('GlobalAveragePool', [total]);
  const inner = network.batchNorm(network.conv(means, `${module}.fc1`, { kernel: 1 }), `${module}.bn1`);
  const scores = network.conv(network.activate(inner), `${module}.fc2`, { kernel: 1 });
  const shares = graph.op('Softmax', [graph.reshape(scores, [batch, radix, channels, 1, 1])], { axis: 1 });
  const weighted = graph.op('Mul', [candidates, shares]);
  return graph.op('ReduceSum', [weighted, graph.ints([1])], { keepdims: 0 }, { outputs: [network.named(module)] });
}
