import { sizeOf, type TypedTensor } from '../../numeric/tensor.ts';
import { float } from '../../onnx/builder.ts';
import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import { pointwiseHead } from './modules.ts';

/** Groups of every GroupNorm; epsilon of torch.nn.GroupNorm; and what standardised convolutions add to the variance. */
const GROUPS = 32;
const EPSILON = 1e-5;
const VARIANCE_EPSILON = 1e-10;

const STAGES = ['body.block1', 'body.block2', 'body.block3', 'body.block4'] as const;

/**
 * Big Transfer (Kolesnikov et al., arXiv:1912.11370; https://github.com/google-research/big_transfer): pre-activation bottlenecks
 * with GroupNorm and standardised convolutions.
 */
export const bit: Architecture = {
  name: 'bit',
  imageShape: [3, 128, 128],
  normalization: 'symmetric',
  recognises: (state) =>
    ['root.conv.weight', 'body.block1.unit01.gn1.weight', 'head.gn.weight', 'head.conv.weight'].every((name) =>
      state.has(name),
    ),
  build,
};

function build(network: NetworkBuilder, x: string): Body {
  const root = standardConv(network, x, 'root.conv', { kernel: 7, stride: 2, padding: 3 });
  const { graph } = network;
  // Zeros, and not what a pooling's own padding would be: "subtly not the same", as its authors note.
  const padded = graph.op('Pad', [root, graph.ints([0, 0, 1, 1, 0, 0, 1, 1])]);
  let h = network.maxPool(padded, 3, 2, 0);
  let blocks = 0;
  const outputs = STAGES.map((stage, index) => {
    const units = unitsOf(network, stage);
    units.forEach((unit, position) => {
      h = bottleneck(network, h, `${stage}.${unit}`, index > 0 && position === 0 ? 2 : 1);
    });
    blocks += units.length;
    return h;
  });
  const last = network.globalAverage(network.relu(groupNorm(network, h, 'head.gn')));
  const [layer1, layer2, layer3, layer4] = outputs as [string, string, string, string];
  return {
    description: `BiT ResNet-${3 * blocks + 2}, width ${network.width('root.conv.weight')}`,
    logits: pointwiseHead(network, last, 'head.conv'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

/** "unit01", "unit02", ... */
function unitsOf({ state }: NetworkBuilder, stage: string): string[] {
  const names = [...state.keys()].flatMap((name) => (name.startsWith(`${stage}.`) ? [name.split('.')[2]!] : []));
  return [...new Set(names)].sort();
}

function bottleneck(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const activated = (value: string, index: number) => network.relu(groupNorm(network, value, `${name}.gn${index}`));
  const first = activated(x, 1);
  const projected = network.has(`${name}.downsample.weight`);
  const shortcut = projected ? standardConv(network, first, `${name}.downsample`, { kernel: 1, stride }) : x;
  const squeezed = standardConv(network, first, `${name}.conv1`, { kernel: 1 });
  const spatial = standardConv(network, activated(squeezed, 2), `${name}.conv2`, { kernel: 3, stride, padding: 1 });
  return network.add(standardConv(network, activated(spatial, 3), `${name}.conv3`, { kernel: 1 }), shortcut, name);
}

/** A convolution whose weights have mean 0 and variance 1 for each output channel. */
function standardConv(
  network: NetworkBuilder,
  x: string,
  module: string,
  options: Parameters<NetworkBuilder['conv']>[2],
) {
  return network.conv(x, module, { ...options, transform: standardised });
}

function standardised({ type, dims, data }: TypedTensor<'float32'>): TypedTensor<'float32'> {
  const size = sizeOf(dims.slice(1));
  const result = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += size) {
    const channel = data.subarray(start, start + size);
    const mean = channel.reduce((sum, value) => sum + value, 0) / size;
    const variance = channel.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size;
    const scale = 1 / Math.sqrt(variance + VARIANCE_EPSILON);
    for (const [i, value] of channel.entries()) result[start + i] = (value - mean) * scale;
  }
  return { type, dims, data: result };
}

function groupNorm(network: NetworkBuilder, x: string, module: string): string {
  const { graph } = network;
  const channels = network.channels(x);
  const perChannel = (name: string) =>
    graph.reshape(network.parameter(`${module}.${name}`, [channels]), [channels, 1, 1]);
  const same = (value: number) => graph.constant(Array<number>(GROUPS).fill(value));
  const groups = graph.op('Reshape', [x, graph.ints([0, GROUPS, -1])]);
  const normed = graph.op('InstanceNormalization', [groups, same(1), same(0)], { epsilon: float(EPSILON) });
  const back = graph.reshape(normed, graph.shape(x));
  const scaled = graph.op('Mul', [back, perChannel('weight')]);
  return graph.op('Add', [scaled, perChannel('bias')], {}, { outputs: [network.named(module)] });
}
