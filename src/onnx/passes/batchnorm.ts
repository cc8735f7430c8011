import { float32, sizeOf, toNumbers } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import { floatOf, type Graph, intOf, type Node } from '../graph.ts';
import { readerCounts, rewrite, withoutAttributes } from './rewrite.ts';

/** y = factor x + shift, one of each per channel. In float64: the weights are rounded once, when they are stored. */
interface Affine {
  readonly factor: readonly number[];
  readonly shift: readonly number[];
}

/**
 * Folds each BatchNormalization into the layer before it, where nothing else reads what that layer gives and its weights
 * are constants. Others (of pre-activation networks) stay. Weights are copied, not changed: two layers may share them.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const readers = readerCounts(graph);
  const producers = new Map<string, Node>();
  /** What computes `name`, where it is read once. */
  const producer = (name: string) => (readers.get(name) === 1 ? producers.get(name) : undefined);
  return rewrite(graph, (node, builder) => {
    const result = (node.op === 'BatchNormalization' && folded(node, producer, builder)) || node;
    for (const name of node.outputs) producers.set(name, result);
    return result;
  });
}

type Producer = (name: string) => Node | undefined;

function folded(norm: Node, producer: Producer, builder: GraphBuilder): Node | undefined {
  const affine = affineOf(norm, builder);
  const layer = linearLayer(norm.inputs[0]!, producer, builder);
  const channelOf = layer && CHANNELS[layer.op];
  if (!affine || !channelOf) return undefined;
  const weight = builder.constantOf(layer.inputs[1]!);
  const bias = biasOf(layer, affine.shift.length, builder);
  if (weight?.type !== 'float32' || bias === undefined) return undefined;
  const channel = channelOf(layer, weight.dims);
  const scaled = weight.data.map((value, index) => value * affine.factor[channel(index)]!);
  const shifted = affine.shift.map((shift, index) => shift + affine.factor[index]! * bias[index]!);
  const inputs = [
    layer.inputs[0]!,
    builder.initializer(builder.fresh(`${layer.op}_weight`), float32(weight.dims, scaled)),
    builder.initializer(builder.fresh(`${layer.op}_bias`), float32([shifted.length], shifted)),
  ];
  return { ...withoutAttributes(layer, 'beta'), inputs, outputs: norm.outputs };
}

/** Undefined where they are no constants. https://onnx.ai/onnx/operators/onnx__BatchNormalization.html: inputs X, scale, bias, mean, variance. */
export function affineOf(norm: Node, builder: GraphBuilder): Affine | undefined {
  const vectors = norm.inputs.slice(1, 5).map((name) => builder.constantOf(name));
  if (!vectors.every((vector) => vector !== undefined)) return undefined;
  const [scale, bias, mean, variance] = vectors.map(toNumbers) as [number[], number[], number[], number[]];
  const epsilon = floatOf(norm, 'epsilon', 1e-5);
  const factor = scale.map((value, index) => value / Math.sqrt(variance[index]! + epsilon));
  return { factor, shift: bias.map((value, index) => value - mean[index]! * factor[index]!) };
}

/** The layer that gives `name`; a MatMul of matrices, with or without an Add after it, is written as the Gemm it is. */
function linearLayer(name: string, producer: Producer, builder: GraphBuilder): Node | undefined {
  const layer = producer(name);
  if (layer?.op === 'MatMul') return gemm(layer, [], builder);
  if (layer?.op !== 'Add') return layer;
  const [left = '', right = ''] = layer.inputs;
  const [sum, bias] = builder.constantOf(right) ? [left, right] : [right, left];
  const product = producer(sum);
  return product?.op === 'MatMul' ? gemm(product, [bias], builder) : undefined;
}

function gemm(product: Node, bias: readonly string[], builder: GraphBuilder): Node | undefined {
  const matrices = product.inputs.every((name) => builder.shape(name).length === 2);
  return matrices ? { ...product, op: 'Gemm', inputs: [...product.inputs, ...bias], attributes: {} } : undefined;
}

/** One number per channel; undefined where the bias is no constant of that form. */
function biasOf(layer: Node, channels: number, builder: GraphBuilder): number[] | undefined {
  const name = layer.inputs[2];
  if (!name) return Array<number>(channels).fill(0);
  const bias = builder.constantOf(name);
  if (bias === undefined || (bias.data.length > 1 && bias.dims.at(-1) !== channels)) return undefined;
  const values = toNumbers(bias).map((value) => value * floatOf(layer, 'beta', 1));
  if (values.length === 1) return Array<number>(channels).fill(values[0]!);
  return values.length === channels ? values : undefined;
}

/** By op, which output channel an element of the weight belongs to, given its place in the weight. */
const CHANNELS: Readonly<Record<string, (layer: Node, dims: readonly number[]) => (index: number) => number>> = {
  Conv: (_, [, ...filter]) => {
    const size = sizeOf(filter);
    return (index) => Math.floor(index / size);
  },
  /** Weight [C, M / group, ...kernel]: each group of input channels gives output channels of its own. */
  ConvTranspose: (layer, [inputs = 1, perGroup = 1, ...kernel]) => {
    const group = inputs / intOf(layer, 'group', 1);
    const pixels = sizeOf(kernel);
    return (index) => {
      const filter = Math.floor(index / pixels);
      return Math.floor(filter / perGroup / group) * perGroup + (filter % perGroup);
    };
  },
  Gemm: (layer, [, columns = 1]) =>
    intOf(layer, 'transB', 0) === 1 ? (index) => Math.floor(index / columns) : (index) => index % columns,
};
