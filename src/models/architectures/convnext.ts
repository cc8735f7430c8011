import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import {
  channelNorm,
  channelsFirst,
  channelsLast,
  depth,
  lastOf,
  layerNorm,
  linear,
  scaled,
} from '../token-modules.ts';
import { convStem } from './conv-stem.ts';
import { sparsify } from './modules.ts';

/** Where the two naming schemes keep the same modules. */
interface Names {
  readonly stem: string;
  downsample(stage: number): string;
  /** Module in front of a stage's blocks. */
  blocks(stage: number): string;
  readonly depthwise: string;
  readonly first: string;
  readonly second: string;
  readonly response: { readonly module: string; readonly scale: string; readonly shift: string };
  /** LayerNorm of the pooled features, and the last linear layer. */
  readonly norm: string;
  readonly head: string;
}

const TIMM: Names = {
  stem: 'stem',
  downsample: (stage) => `stages.${stage}.downsample`,
  blocks: (stage) => `stages.${stage}.blocks`,
  depthwise: 'conv_dw',
  first: 'mlp.fc1',
  second: 'mlp.fc2',
  response: { module: 'mlp.grn', scale: 'weight', shift: 'bias' },
  norm: 'head.norm',
  head: 'head.fc',
};

const FACEBOOK: Names = {
  stem: 'downsample_layers.0',
  downsample: (stage) => `downsample_layers.${stage}`,
  blocks: (stage) => `stages.${stage}`,
  depthwise: 'dwconv',
  first: 'pwconv1',
  second: 'pwconv2',
  response: { module: 'grn', scale: 'gamma', shift: 'beta' },
  norm: 'norm',
  head: 'head',
};

/**
 * ConvNeXt (Liu et al., arXiv:2201.03545) and V2 (Woo et al., arXiv:2301.00808) with the module names of timm,
 * timm/models/convnext.py, or of the authors, https://github.com/facebookresearch/ConvNeXt, models/convnext.py.
 */
export const convNext: Architecture = {
  name: 'convnext',
  imageShape: [3, 224, 224],
  normalization: 'imagenet',
  usual: () => ({ activation: 'gelu' }),
  recognises: (state) => [TIMM, FACEBOOK].some((names) => state.has(`${names.blocks(0)}.0.${names.depthwise}.weight`)),
  build: buildConvNext,
};

const EPSILON = 1e-6;

/** Of global response normalisation. */
const RESPONSE_EPSILON = 1e-6;

function buildConvNext(network: NetworkBuilder, x: string): Body {
  const names = network.has('downsample_layers.0.0.weight') ? FACEBOOK : TIMM;
  let h = stem(network, x, names.stem);
  const outputs: Record<string, string> = {};
  let blocks = 0;
  for (let stage = 0; stage < depth(network, 'stages'); stage++) {
    if (stage > 0) h = halve(network, h, names.downsample(stage));
    const module = names.blocks(stage);
    for (let i = 0; i < depth(network, module); i++, blocks++) h = block(network, h, `${module}.${i}`, names);
    outputs[`stages.${stage}`] = h;
  }
  const features = pooled(network, h, names);
  return {
    description: `ConvNeXt, ${blocks} blocks, width ${network.width(`${names.blocks(0)}.0.${names.depthwise}.weight`)}`,
    logits: linear(network, features, names.head),
    layers: network.layers({ ...outputs, features }, 1),
  };
}

/** Patches of 4, or a stem of convolutions of which two have stride 2. */
function stem(network: NetworkBuilder, x: string, module: string): string {
  if (network.has(`${module}.stem.0.weight`)) return convStem(network, x, `${module}.stem`, 2);
  return channelNorm(network, network.conv(x, `${module}.0`, { kernel: 4, stride: 4 }), `${module}.1`, EPSILON);
}

function halve(network: NetworkBuilder, x: string, module: string): string {
  const normed = channelNorm(network, x, `${module}.0`, EPSILON);
  return network.conv(normed, `${module}.1`, { kernel: 2, stride: 2 });
}

/** A depthwise 7x7 convolution and an MLP over channels, the latter on [N, H, W, C]; MeanSparse where the file has it. */
function block(network: NetworkBuilder, x: string, name: string, names: Names): string {
  const spatial = network.conv(x, `${name}.${names.depthwise}`, { kernel: 7, padding: 3, groups: 'any' });
  const normed = layerNorm(network, channelsLast(network, spatial), `${name}.norm`, EPSILON);
  const hidden = sparsify(network, pointwise(network, normed, `${name}.${names.first}`), `${name}.mlp.act.0`, 3);
  const activated = responseNorm(network, network.activate(hidden), name, names);
  const change = scaled(network, pointwise(network, activated, `${name}.${names.second}`), `${name}.gamma`);
  return network.add(sparsify(network, channelsFirst(network, change), `${name}.drop_path.1`, 1), x, name);
}

/** Linear over the channels of [N, H, W, C], whose weights may be those of a 1x1 convolution. */
function pointwise(network: NetworkBuilder, x: string, module: string): string {
  const isConvolution = network.state.get(`${module}.weight`)?.dims.length === 4;
  if (!isConvolution) return linear(network, x, module);
  return channelsLast(network, network.conv(channelsFirst(network, x), module, { kernel: 1 }));
}

/** x + scale x n + shift where n is the norm of a channel over the map, by the mean of all channels' (V2). */
function responseNorm(network: NetworkBuilder, x: string, name: string, { response }: Names): string {
  const module = `${name}.${response.module}`;
  if (!network.has(`${module}.${response.scale}`)) return x;
  const { graph } = network;
  const width = lastOf(network, x);
  const parameter = (part: string) => {
    const name = `${module}.${part}`;
    const isMap = network.state.get(name)?.dims.length === 4;
    return network.parameter(name, isMap ? [1, 1, 1, width] : [width]);
  };
  const norms = graph.op('ReduceL2', [x, graph.ints([1, 2])], { keepdims: 1 });
  const mean = graph.op('ReduceMean', [norms, graph.ints([-1])], { keepdims: 1 });
  const relative = graph.op('Div', [norms, graph.op('Add', [mean, graph.constant(RESPONSE_EPSILON)])]);
  const scaledResponse = graph.op('Mul', [graph.op('Mul', [x, relative]), parameter(response.scale)]);
  return graph.op(
    'Add',
    [graph.op('Add', [scaledResponse, parameter(response.shift)]), x],
    {},
    { outputs: [network.named(module)] },
  );
}

/** Mean over the map and LayerNorm; timm also has the LayerNorm before the mean. */
function pooled(network: NetworkBuilder, x: string, names: Names): string {
  const { graph } = network;
  const normed = network.has('norm_pre.weight') ? channelNorm(network, x, 'norm_pre', EPSILON) : x;
  const mean = graph.op('ReduceMean', [normed, graph.ints([2, 3])], { keepdims: 0 });
  return network.has(`${names.norm}.weight`) ? layerNorm(network, mean, names.norm, EPSILON) : mean;
}
