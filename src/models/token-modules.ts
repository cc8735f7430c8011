import { type WantedSize, weight } from '../checkpoints/weights.ts';
import { CheckpointError } from '../errors.ts';
import type { TypedTensor } from '../numeric/tensor.ts';
import { float } from '../onnx/builder.ts';
import { type Dim, isBatch } from '../onnx/graph.ts';
import { product } from '../onnx/shapes/dims.ts';
import type { NetworkBuilder, WeightNames } from './network-builder.ts';

/**
 * The modules of transformers on a network builder. They act on the last axis of values [N, ..., C]: tokens [N, T, C],
 * feature maps with channels last [N, H, W, C], windows of tokens [N, windows, T, C].
 */

/**
 * LayerNorm over the last axis; `epsilon` is what the architecture's training code usually has. Throws CheckpointError where it
 * lacks a bias: RMSNorm, which does not centre, has the same names otherwise.
 */
export function layerNorm(network: NetworkBuilder, x: string, module: string, epsilon: number): string {
  const width = lastOf(network, x);
  const inputs = [x, ...['weight', 'bias'].map((name) => network.parameter(`${module}.${name}`, [width]))];
  const attributes = { axis: -1, epsilon: float(network.reading.choose('layerNormEpsilon', epsilon)) };
  return network.graph.op('LayerNormalization', inputs, attributes, { outputs: [network.named(module)] });
}

/** LayerNorm over the channels of feature maps [N, C, H, W]. */
export function channelNorm(network: NetworkBuilder, x: string, module: string, epsilon: number): string {
  return channelsFirst(network, layerNorm(network, channelsLast(network, x), module, epsilon));
}

/** [N, C, H, W] to [N, H, W, C]. */
export function channelsLast(network: NetworkBuilder, x: string): string {
  return network.graph.op('Transpose', [x], { perm: [0, 2, 3, 1] });
}

/** [N, H, W, C] to [N, C, H, W]. */
export function channelsFirst(network: NetworkBuilder, x: string): string {
  return network.graph.op('Transpose', [x], { perm: [0, 3, 1, 2] });
}

/**
 * Linear on the last axis. As one matrix product over all tokens: Gemm takes PyTorch's [out, in] weights as they are, and
 * adds the bias, where MatMul would want a transposed copy.
 */
export function linear(network: NetworkBuilder, x: string, module: string): string {
  const { graph } = network;
  const width = lastOf(network, x);
  const weight = network.parameter(`${module}.weight`, ['*', width]);
  const out = network.channels(weight, 0);
  const before = graph.shape(x).slice(0, -1);
  const inputs = [weight, ...bias(network, module, out)];
  const outputs = [network.named(module)];
  if (before.length === 1) return graph.op('Gemm', [x, ...inputs], { transB: 1 }, { outputs });
  const rows = graph.op('Gemm', [graph.reshape(x, [product(before)!, width]), ...inputs], { transB: 1 });
  return reshape(network, rows, [...before, out], module);
}

function bias(network: NetworkBuilder, module: string, width: number): string[] {
  return network.has(`${module}.bias`) ? [network.parameter(`${module}.bias`, [width])] : [];
}

/** fc2(activation(fc1(x))). `hidden` acts between fc1 and the activation. */
export function mlp(network: NetworkBuilder, x: string, module: string, hidden = (value: string) => value): string {
  const inner = network.activate(hidden(linear(network, x, `${module}.fc1`)));
  return linear(network, inner, `${module}.fc2`);
}

/** x times a learned number per unit (LayerScale), where the weights have one. */
export function scaled(network: NetworkBuilder, x: string, name: string): string {
  if (!network.has(name)) return x;
  const scale = network.parameter(name, [lastOf(network, x)]);
  return network.graph.op('Mul', [x, scale], {}, { outputs: [network.named(`${name}.scaled`)] });
}

/** What self-attention is told beside its weights. */
export interface AttentionOptions {
  readonly heads: number;
  /** Added to the scores before the softmax; a value that broadcasts to [N, ..., heads, T, T]. */
  readonly bias?: string | undefined;
  /** Done to queries and keys [N, ..., T, heads, C / heads]. */
  readonly normalise?: (value: string, which: 'q' | 'k') => string;
}

/** Multi-head self-attention (Vaswani et al., arXiv:1706.03762) with `qkv` and `proj`, over the last but one axis. */
export function selfAttention(
  network: NetworkBuilder,
  x: string,
  module: string,
  { heads, bias, normalise = (value) => value }: AttentionOptions,
): string {
  const [q, k, v] = queriesKeysValues(network, x, module).map((part) => splitHeads(network, part, heads, module)) as [
    string,
    string,
    string,
  ];
  const queries = headsFirst(network, normalise(q, 'q'));
  const keys = headsFirst(network, normalise(k, 'k'));
  const mixed = attend(network, { queries, keys, values: headsFirst(network, v), bias });
  return linear(network, joinHeads(network, mixed), `${module}.proj`);
}

/** The three thirds of the last axis of `qkv`. */
export function queriesKeysValues(network: NetworkBuilder, x: string, module: string): readonly string[] {
  const { graph } = network;
  const qkv = linear(network, x, `${module}.qkv`);
  const outputs = ['q', 'k', 'v'].map((part) => network.named(`${module}.${part}`));
  return graph.ops('Split', [qkv], { outputs, attributes: { axis: graph.shape(qkv).length - 1, num_outputs: 3 } });
}

/** What attention mixes, each [N, ..., heads, T, C / heads]. */
export interface Attended {
  readonly queries: string;
  readonly keys: string;
  readonly values: string;
  readonly bias?: string | undefined;
}

/** softmax(q k' / sqrt(C / heads) + bias) v. */
export function attend(network: NetworkBuilder, { queries, keys, values, bias }: Attended): string {
  const { graph } = network;
  const scale = graph.constant(1 / Math.sqrt(lastOf(network, queries)));
  const scores = graph.op('MatMul', [graph.op('Mul', [queries, scale]), swapLast(network, keys)]);
  const biased = bias === undefined ? scores : graph.op('Add', [scores, bias]);
  return graph.op('MatMul', [graph.op('Softmax', [biased], { axis: -1 }), values]);
}

/** [N, ..., T, C] to [N, ..., T, heads, C / heads]. Throws CheckpointError where C is no multiple of `heads`. */
export function splitHeads(network: NetworkBuilder, x: string, heads: number, module: string): string {
  const width = lastOf(network, x);
  if (width % heads !== 0)
    throw new CheckpointError(`"${module}" has ${width} units, no multiple of ${heads} heads: state model.heads`);
  return network.graph.reshape(x, [...network.graph.shape(x).slice(0, -1), heads, width / heads]);
}

/** [N, ..., T, heads, d] to [N, ..., heads, T, d]. */
export function headsFirst(network: NetworkBuilder, x: string): string {
  const axes = [...network.graph.shape(x).keys()];
  const [tokens, heads, units] = axes.slice(-3) as [number, number, number];
  return network.graph.op('Transpose', [x], { perm: [...axes.slice(0, -3), heads, tokens, units] });
}

/** [N, ..., heads, T, d] to [N, ..., T, heads d]. */
export function joinHeads(network: NetworkBuilder, x: string): string {
  const tokens = headsFirst(network, x);
  const dims = network.graph.shape(tokens);
  const width = Number(dims.at(-2)) * Number(dims.at(-1));
  return network.graph.reshape(tokens, [...dims.slice(0, -2), width]);
}

/** [..., a, b] to [..., b, a]. */
export function swapLast(network: NetworkBuilder, x: string): string {
  const axes = [...network.graph.shape(x).keys()];
  return network.graph.op('Transpose', [x], { perm: [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!] });
}

/** Tokens `start` to `end` (all the rest by default) of [N, T, C]. */
export function tokens(
  network: NetworkBuilder,
  x: string,
  start: number,
  end = Number(network.graph.shape(x)[1]),
): string {
  const { graph } = network;
  return graph.op('Slice', [x, graph.ints([start]), graph.ints([end]), graph.ints([1])]);
}

/** One token of [N, T, C], as [N, C]. */
export function token(network: NetworkBuilder, x: string, index: number): string {
  const { graph } = network;
  const [batch, , width] = graph.shape(x) as [Dim, Dim, Dim];
  return graph.reshape(tokens(network, x, index, index + 1), [batch, width]);
}

/** Mean over every axis between the first and the last: [N, ..., C] to [N, C]. */
export function meanOfTokens(network: NetworkBuilder, x: string): string {
  const { graph } = network;
  const between = [...graph.shape(x).keys()].slice(1, -1);
  return graph.op('ReduceMean', [x, graph.ints(between)], { keepdims: 0 });
}

/** Feature maps [N, C, H, W] as tokens [N, H W, C]. */
export function mapsToTokens(network: NetworkBuilder, x: string): string {
  const [batch, channels, height, width] = network.graph.shape(x) as [Dim, number, number, number];
  return swapLast(network, network.graph.reshape(x, [batch, channels, height * width]));
}

/** Reshape to a value of a given name; the batch becomes the -1 of the shape. */
export function reshape(network: NetworkBuilder, x: string, dims: readonly Dim[], name: string): string {
  const { graph } = network;
  const shape = graph.ints(dims.map((dim) => (isBatch(dim) ? -1 : dim)));
  return graph.op('Reshape', [x, shape], {}, { outputs: [network.named(name)] });
}

/** The numbers of a weight, for a constant that is made of them. Throws CheckpointError as `parameter` does. */
export function values(network: NetworkBuilder, name: string, dims: readonly WantedSize[]): TypedTensor<'float32'> {
  network.used.add(network.named(name));
  return weight(network.state, name, dims);
}

/** Number of modules `${prefix}.0`, `${prefix}.1`, ... that have weights. */
export function depth(network: { readonly state: Pick<WeightNames, 'keys'> }, prefix: string): number {
  const numbers = [...network.state.keys()]
    .filter((name) => name.startsWith(`${prefix}.`))
    .map((name) => Number(name.slice(prefix.length + 1).split('.', 1)[0]));
  return Math.max(-1, ...numbers.filter(Number.isInteger)) + 1;
}

/** Length of the last axis. */
export function lastOf(network: NetworkBuilder, x: string): number {
  const dim = network.graph.shape(x).at(-1);
  if (dim === undefined || isBatch(dim)) throw new Error(`"${x}" has no units`);
  return dim;
}
