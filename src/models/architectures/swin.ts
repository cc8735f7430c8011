import { CheckpointError } from '../../errors.ts';
import { float32, toNumbers } from '../../numeric/tensor.ts';
import type { Dim } from '../../onnx/graph.ts';
import type { ImageShape } from '../classifier.ts';
import type { Architecture, Body, NetworkBuilder, WeightNames } from '../network-builder.ts';
import {
  channelsLast,
  depth,
  lastOf,
  layerNorm,
  linear,
  meanOfTokens,
  mlp,
  reshape,
  selfAttention,
  values,
} from '../token-modules.ts';
import { sparsify } from './modules.ts';
import { inverse, relativePositions, type WindowPlan, windowMask, windowOrder } from './swin-windows.ts';

/**
 * Swin transformer (Liu et al., arXiv:2103.14030) with the module names of timm, today's (`layers.1.downsample` first in its
 * stage, `head.fc`) and those of the authors and of older timm (`layers.0.downsample` last in its stage, `head`).
 */
export const swin: Architecture = {
  name: 'swin',
  imageShape: [3, 224, 224],
  imageShapeOf,
  normalization: 'imagenet',
  usual: () => ({ activation: 'gelu' }),
  recognises: (state) =>
    [
      'patch_embed.proj.weight',
      'layers.0.blocks.0.attn.relative_position_bias_table',
      'layers.0.blocks.0.mlp.fc1.weight',
    ].every((name) => state.has(name)),
  build: buildSwin,
};

/** Of torch.nn.LayerNorm. MIMIR's networks have 1e-6. */
const EPSILON = 1e-5;

function buildSwin(network: NetworkBuilder, x: string): Body {
  let h = embed(network, x);
  const embedded = lastOf(network, h);
  const mergesLast = network.has('layers.0.downsample.reduction.weight');
  const outputs: Record<string, string> = {};
  let blocks = 0;
  for (let stage = 0; stage < depth(network, 'layers'); stage++) {
    const name = `layers.${stage}`;
    const merges = network.has(`${name}.downsample.reduction.weight`);
    if (merges && !mergesLast) h = mergePatches(network, h, `${name}.downsample`);
    for (let i = 0; i < depth(network, `${name}.blocks`); i++, blocks++)
      h = block(network, h, `${name}.blocks.${i}`, i);
    if (merges && mergesLast) h = mergePatches(network, h, `${name}.downsample`);
    outputs[name] = h;
  }
  const norm = layerNorm(network, h, 'norm', EPSILON);
  const features = meanOfTokens(network, norm);
  return {
    description: `Swin, ${blocks} blocks in ${depth(network, 'layers')} stages, width ${embedded}`,
    logits: linear(network, features, network.has('head.fc.weight') ? 'head.fc' : 'head'),
    layers: [...network.layers({ ...outputs, norm }, 3), ...network.layers({ features }, 1)],
  };
}

/** Images of which the last stage makes one window, as those of the published networks do: 7 of 224, 12 of 384. */
function imageShapeOf(state: WeightNames): ImageShape {
  const [, channels = 3, patch = 4] = state.get('patch_embed.proj.weight')?.dims ?? [];
  const stages = depth({ state }, 'layers');
  const { window } = tableOf(state, `layers.${stages - 1}.blocks.0.attn`);
  const side = window * patch * 2 ** (stages - 1);
  return [channels, side, side];
}

/** Patches as a map with channels last, [N, H, W, C]. */
function embed(network: NetworkBuilder, x: string): string {
  const { graph } = network;
  const patch = network.state.get('patch_embed.proj.weight')?.dims.at(-1) ?? 0;
  const [height, width] = graph.shape(x).slice(2) as [number, number];
  if (height % patch !== 0 || width % patch !== 0)
    throw new CheckpointError(`images of ${height} x ${width} are not whole patches of ${patch}: resize them`);
  let h = channelsLast(network, network.conv(x, 'patch_embed.proj', { kernel: patch, stride: patch }));
  if (network.has('patch_embed.norm.weight')) h = layerNorm(network, h, 'patch_embed.norm', EPSILON);
  if (!network.has('absolute_pos_embed')) return h;
  const [, rows, columns, channels] = graph.shape(h) as [Dim, number, number, number];
  const positions = values(network, 'absolute_pos_embed', [1, rows * columns, channels]);
  const map = graph.initializer(
    network.named('absolute_pos_embed'),
    float32([1, rows, columns, channels], positions.data),
  );
  return graph.op('Add', [h, map]);
}

/** Each square of two by two tokens becomes one: [N, H, W, C] to [N, H / 2, W / 2, D], rows and columns made even by zeros. */
function mergePatches(network: NetworkBuilder, x: string, module: string): string {
  const { graph } = network;
  const [batch, height, width, channels] = graph.shape(x) as [Dim, number, number, number];
  const [bottom, right] = [height % 2, width % 2];
  const even = bottom + right === 0 ? x : graph.op('Pad', [x, graph.ints([0, 0, 0, 0, 0, bottom, right, 0])]);
  const [rows, columns] = [(height + bottom) / 2, (width + right) / 2];
  const squares = graph.reshape(even, [batch, rows, 2, columns, 2, channels]);
  // Down each column of a square first: the order of the authors' slices.
  const ordered = graph.op('Transpose', [squares], { perm: [0, 1, 3, 4, 2, 5] });
  const joined = graph.reshape(ordered, [batch, rows, columns, 4 * channels]);
  return linear(network, layerNorm(network, joined, `${module}.norm`, EPSILON), `${module}.reduction`);
}

/** Attention within windows, shifted by half a window in every other block, and an MLP; MeanSparse where the file has it. */
function block(network: NetworkBuilder, x: string, name: string, index: number): string {
  const attended = windowAttention(network, layerNorm(network, x, `${name}.norm1`, EPSILON), name, index);
  const h = sparsify(network, network.add(x, attended, `${name}.attn`), `${name}.meansparse1`, 3);
  const hidden = (value: string) => sparsify(network, value, `${name}.mlp.meansparse1`, 3);
  const inner = mlp(network, layerNorm(network, h, `${name}.norm2`, EPSILON), `${name}.mlp`, hidden);
  const change = sparsify(network, inner, `${name}.mlp.meansparse2`, 3);
  return sparsify(network, network.add(h, change, name), `${name}.meansparse2`, 3);
}

/** Tokens go to their windows, attend, and go back: [N, H, W, C] to the same. */
function windowAttention(network: NetworkBuilder, x: string, name: string, index: number): string {
  const { graph } = network;
  const module = `${name}.attn`;
  const [batch, height, width, channels] = graph.shape(x) as [Dim, number, number, number];
  const { window, heads } = tableOf(network.state, module);
  const plan = planOf({ height, width, window, shift: index % 2 === 0 ? 0 : Math.floor(window / 2) }, module);
  const order = windowOrder(plan);
  const [count, area] = [order.length / window ** 2, window ** 2];
  const fillers = order.length - height * width;
  const sequence = graph.reshape(x, [batch, height * width, channels]);
  const filled = fillers === 0 ? sequence : graph.op('Pad', [sequence, graph.ints([0, 0, 0, 0, fillers, 0])]);
  const cut = graph.reshape(gather(network, filled, order), [batch, count, area, channels]);
  const attended = selfAttention(network, cut, module, { heads, bias: biasOf(network, name, plan, heads) });
  const joined = graph.reshape(attended, [batch, order.length, channels]);
  const back = gather(network, joined, inverse(order).slice(0, height * width));
  return reshape(network, back, [batch, height, width, channels], `${module}.windows`);
}

function gather(network: NetworkBuilder, tokens: string, order: readonly number[]): string {
  return network.graph.op('Gather', [tokens, network.graph.ints(order)], { axis: 1 });
}

/** Side of the windows and number of heads: a table of biases has (2 window - 1)^2 rows and a column a head. */
function tableOf(state: WeightNames, module: string): { window: number; heads: number } {
  const name = `${module}.relative_position_bias_table`;
  const [rows = 0, heads = 0] = state.get(name)?.dims ?? [];
  const window = (Math.sqrt(rows) + 1) / 2;
  if (!Number.isInteger(window))
    throw new CheckpointError(`"${name}" has ${rows} rows, of no square window: export the model to .onnx`);
  return { window, heads };
}

/** A window as large as the map is not shifted. Throws CheckpointError where it is larger: the images are too small. */
function planOf(plan: WindowPlan, module: string): WindowPlan {
  const side = Math.min(plan.height, plan.width);
  if (plan.window > side) {
    throw new CheckpointError(
      `"${module}" has windows of ${plan.window}, and these images make a map of ${plan.height} x ${plan.width}: give images of the size it was trained on`,
    );
  }
  return plan.window === side ? { ...plan, shift: 0 } : plan;
}

/** Biases by relative position, and the mask of a shifted window: [1 or windows, heads, T, T]. */
function biasOf(network: NetworkBuilder, name: string, plan: WindowPlan, heads: number): string {
  const module = `${name}.attn`;
  const { window, shift } = plan;
  const area = window * window;
  const index = relativePositions(window);
  const mask = shift > 0 ? windowMask(plan) : new Float32Array(area * area);
  requireSame(network, `${module}.relative_position_index`, index);
  if (shift > 0) requireSame(network, `${name}.attn_mask`, mask);
  const table = values(network, `${module}.relative_position_bias_table`, [(2 * window - 1) ** 2, heads]);
  const windows = mask.length / area ** 2;
  const bias = new Float32Array(windows * heads * area * area);
  let at = 0;
  for (let w = 0; w < windows; w++)
    for (let head = 0; head < heads; head++)
      for (let pair = 0; pair < area * area; pair++)
        bias[at++] = table.data[index[pair]! * heads + head]! + mask[w * area * area + pair]!;
  return network.graph.initializer(
    network.named(`${module}.relative_position_bias`),
    float32([windows, heads, area, area], bias),
  );
}

/**
 * Older files keep what follows from the sizes of image and window. Throws CheckpointError where it is not what the images
 * make here: the network is for others.
 */
function requireSame(network: NetworkBuilder, name: string, expected: ArrayLike<number>): void {
  const tensor = network.state.get(name);
  if (tensor === undefined) return;
  network.used.add(network.named(name));
  const found = toNumbers(tensor);
  if (found.length === expected.length && found.every((value, i) => value === expected[i])) return;
  throw new CheckpointError(
    `"${name}" [${tensor.dims.join(', ')}] is that of other windows than these images make: give images of the size it was trained on`,
  );
}
