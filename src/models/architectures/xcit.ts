import { CheckpointError } from '../../errors.ts';
import { float32 } from '../../numeric/tensor.ts';
import type { Dim } from '../../onnx/graph.ts';
import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import {
  attend,
  depth,
  headsFirst,
  joinHeads,
  lastOf,
  layerNorm,
  linear,
  mapsToTokens,
  mlp,
  queriesKeysValues,
  scaled,
  splitHeads,
  swapLast,
  token,
  tokens,
  values,
} from '../token-modules.ts';

/**
 * Cross-covariance image transformer (El-Nouby et al., arXiv:2106.09681) with the module names of timm, timm/models/xcit.py;
 * robust ones are those of Debenedetti et al. (arXiv:2209.07399).
 */
export const xcit: Architecture = {
  name: 'xcit',
  imageShape: [3, 224, 224],
  normalization: 'imagenet',
  usual: () => ({ activation: 'gelu' }),
  recognises: (state) =>
    ['patch_embed.proj.0.0.weight', 'blocks.0.attn.temperature', 'cls_attn_blocks.0.attn.q.weight'].every((name) =>
      state.has(name),
    ),
  build: buildXcit,
};

const EPSILON = 1e-6;

/** Images of which CIFAR's networks make patches of 4, as Debenedetti et al. do. */
const SMALL_IMAGE = 64;

/** The nano network alone normalises nothing but the class token in its class attention. */
const NANO_WIDTH = 128;

/** Of torch.nn.functional.normalize. */
const SMALLEST_NORM = 1e-12;

function buildXcit(network: NetworkBuilder, x: string): Body {
  const maps = embed(network, x);
  const [, width, height, columns] = network.graph.shape(maps) as [Dim, number, number, number];
  const heads = network.width('blocks.0.attn.temperature');
  let h = mapsToTokens(network, maps);
  const outputs: Record<string, string> = {};
  for (let i = 0; i < depth(network, 'blocks'); i++) {
    h = block(network, h, `blocks.${i}`, heads, [height, columns]);
    outputs[`blocks.${i}`] = h;
  }
  h = withClassToken(network, h);
  const everyToken = network.reading.choose('tokensNorm', width > NANO_WIDTH);
  for (let i = 0; i < depth(network, 'cls_attn_blocks'); i++)
    h = classBlock(network, h, `cls_attn_blocks.${i}`, { heads, everyToken });
  const norm = layerNorm(network, h, 'norm', EPSILON);
  const features = token(network, norm, 0);
  return {
    description: `XCiT, ${depth(network, 'blocks')} blocks of width ${width}, heads ${heads}`,
    logits: linear(network, features, 'head'),
    layers: [...network.layers({ ...outputs, norm }, 2), ...network.layers({ features }, 1)],
  };
}

/** Convolutions with BatchNorm in place of patches; those of stride 1 come first. Adds the positions. */
function embed(network: NetworkBuilder, x: string): string {
  const stem = 'patch_embed.proj';
  let count = 0;
  while (network.has(`${stem}.${2 * count}.0.weight`)) count++;
  const [, , size] = network.graph.shape(x) as [Dim, number, number, number];
  const patch = network.reading.choose('patch', size <= SMALL_IMAGE ? Math.min(4, 2 ** count) : 2 ** count);
  const halvings = Math.log2(patch);
  if (!Number.isInteger(halvings) || halvings > count)
    throw new CheckpointError(`patches of ${patch} are none of 1, 2, 4, ... ${2 ** count}: state model.patch`);
  let h = x;
  for (let i = 0; i < count; i++) {
    const stride = i < count - halvings ? 1 : 2;
    h = network.conv(h, `${stem}.${2 * i}.0`, { kernel: 3, stride, padding: 1 });
    h = network.batchNorm(h, `${stem}.${2 * i}.1`);
    if (i < count - 1) h = network.activate(h);
  }
  const projection = 'pos_embed.token_projection';
  if (!network.has(`${projection}.weight`)) return h;
  return network.add(h, network.conv(fourierPositions(network, h), projection, { kernel: 1 }), 'pos_embed');
}

/**
 * Sines and cosines of each place, [1, 2 hidden, H, W]: rows first, then columns, of places scaled to (0, 2 pi] over
 * wavelengths 10000^(2 floor(i / 2) / hidden), the even of them by sine and the odd by cosine.
 */
function fourierPositions(network: NetworkBuilder, maps: string): string {
  const [, , height, width] = network.graph.shape(maps) as [Dim, number, number, number];
  const channels = network.state.get('pos_embed.token_projection.weight')?.dims[1] ?? 0;
  const hidden = channels / 2;
  const place = (at: number, length: number) => ((at + 1) / (length + 1e-6)) * 2 * Math.PI;
  const data = Float32Array.from({ length: channels * height * width }, (_, index) => {
    const channel = Math.floor(index / (height * width));
    const [row, column] = [Math.floor(index / width) % height, index % width];
    const angle = channel < hidden ? place(row, height) : place(column, width);
    const i = channel % hidden;
    const phase = angle / 10000 ** ((2 * Math.floor(i / 2)) / hidden);
    return i % 2 === 0 ? Math.sin(phase) : Math.cos(phase);
  });
  return network.graph.initializer(network.named('pos_embed'), float32([1, channels, height, width], data));
}

/** Attention between channels, then 3x3 convolutions between neighbours, then an MLP. */
function block(
  network: NetworkBuilder,
  x: string,
  name: string,
  heads: number,
  size: readonly [number, number],
): string {
  const norm = (value: string, index: number) => layerNorm(network, value, `${name}.norm${index}`, EPSILON);
  const add = (value: string, change: string, index: number) =>
    network.add(value, scaled(network, change, `${name}.gamma${index}`), `${name}.${index}`);
  const attended = add(x, crossCovariance(network, norm(x, 1), `${name}.attn`, heads), 1);
  const local = add(attended, localInteraction(network, norm(attended, 3), `${name}.local_mp`, size), 3);
  return add(local, mlp(network, norm(local, 2), `${name}.mlp`), 2);
}

/** softmax(t q' k) v over channels, with queries and keys [N, heads, d, T] of length 1 along the tokens. */
function crossCovariance(network: NetworkBuilder, x: string, module: string, heads: number): string {
  const { graph } = network;
  const [q, k, v] = queriesKeysValues(network, x, module).map((part) =>
    swapLast(network, headsFirst(network, splitHeads(network, part, heads, module))),
  ) as [string, string, string];
  const similarity = graph.op('MatMul', [unitLength(network, q), swapLast(network, unitLength(network, k))]);
  const temperature = network.parameter(`${module}.temperature`, [heads, 1, 1]);
  const weights = graph.op('Softmax', [graph.op('Mul', [similarity, temperature])], { axis: -1 });
  const mixed = graph.op('MatMul', [weights, v]);
  return linear(network, joinHeads(network, swapLast(network, mixed)), `${module}.proj`);
}

function unitLength(network: NetworkBuilder, x: string): string {
  const { graph } = network;
  const length = graph.op('ReduceL2', [x, graph.ints([-1])], { keepdims: 1 });
  return graph.op('Div', [x, graph.op('Max', [length, graph.constant(SMALLEST_NORM)])]);
}

/** Two depthwise 3x3 convolutions over the tokens as a map, activation and BatchNorm between. */
function localInteraction(
  network: NetworkBuilder,
  x: string,
  module: string,
  [height, width]: readonly [number, number],
): string {
  const { graph } = network;
  const [batch] = graph.shape(x) as [Dim];
  const channels = lastOf(network, x);
  const options = { kernel: 3, padding: 1, groups: 'any' } as const;
  const maps = graph.reshape(swapLast(network, x), [batch, channels, height, width]);
  const inner = network.activate(network.conv(maps, `${module}.conv1`, options));
  const h = network.conv(network.batchNorm(inner, `${module}.bn`), `${module}.conv2`, options);
  return mapsToTokens(network, h);
}

/** [N, T, C] behind the class token: padded with zeros, to which the token is added. */
function withClassToken(network: NetworkBuilder, x: string): string {
  const { graph } = network;
  const [, count, width] = graph.shape(x) as [Dim, number, number];
  const first = new Float32Array((count + 1) * width);
  first.set(values(network, 'cls_token', [1, 1, width]).data);
  const constant = graph.initializer(network.named('cls_token'), float32([1, count + 1, width], first));
  return graph.op('Add', [graph.op('Pad', [x, graph.ints([0, 1, 0, 0, 0, 0])]), constant]);
}

interface ClassBlockOptions {
  readonly heads: number;
  /** Whether the second LayerNorm acts on every token, or on the class token alone. */
  readonly everyToken: boolean;
}

/** Only the class token attends and has an MLP; the others are normalised, scaled and added to themselves as they are. */
function classBlock(
  network: NetworkBuilder,
  x: string,
  name: string,
  { heads, everyToken }: ClassBlockOptions,
): string {
  const { graph } = network;
  const join = (first: string, rest: string) => graph.op('Concat', [first, rest], { axis: 1 });
  const rest = (value: string) => tokens(network, value, 1);
  const head = (value: string) => tokens(network, value, 0, 1);
  const normed = layerNorm(network, x, `${name}.norm1`, EPSILON);
  const attended = join(classAttention(network, normed, `${name}.attn`, heads), rest(normed));
  const h = network.add(x, scaled(network, attended, `${name}.gamma1`), `${name}.attn`);
  const norm2 = (value: string) => layerNorm(network, value, `${name}.norm2`, EPSILON);
  const kept = everyToken ? norm2(h) : join(norm2(head(h)), rest(h));
  const change = scaled(network, mlp(network, head(kept), `${name}.mlp`), `${name}.gamma2`);
  return network.add(kept, join(change, rest(kept)), name);
}

/** Attention of the class token to all, [N, 1, C]. */
function classAttention(network: NetworkBuilder, x: string, module: string, heads: number): string {
  const part = (value: string, name: string) =>
    headsFirst(network, splitHeads(network, linear(network, value, `${module}.${name}`), heads, module));
  const mixed = attend(network, {
    queries: part(tokens(network, x, 0, 1), 'q'),
    keys: part(x, 'k'),
    values: part(x, 'v'),
  });
  return linear(network, joinHeads(network, mixed), `${module}.proj`);
}
