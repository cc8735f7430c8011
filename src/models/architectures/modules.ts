import { CheckpointError, GraphError } from '../../errors.ts';
import { formatDims } from '../../onnx/graph.ts';
import type { ModelOptions } from '../../schemas/model-options.ts';
import type { NetworkBuilder, WeightNames } from '../network-builder.ts';

/** Modules that some networks have in a place where others have none: where they are, their weights tell. */

/**
 * The activation inside `module` ('' for the network itself): PSSiLU where it has an alpha and a beta of its own,
 * x (sigmoid(|alpha| x) - |beta|) / (1 - |beta|) (Dai et al., arXiv:2110.05626), else that of all the network.
 */
export function activateIn(network: NetworkBuilder, x: string, module: string): string {
  const own = module === '' ? 'activation' : `${module}.activation`;
  if (!network.has(`${own}.alpha`)) return network.activate(x);
  network.reading.found('activation', 'silu', 'PSSiLU, with the alpha and beta of each block');
  const { graph } = network;
  const size = (name: string) => graph.op('Abs', [network.parameter(`${own}.${name}`, [1])]);
  const beta = size('beta');
  const gate = graph.op('Sub', [graph.op('Sigmoid', [graph.op('Mul', [x, size('alpha')])]), beta]);
  const scaled = graph.op('Div', [gate, graph.op('Sub', [graph.constant(1), beta])]);
  return graph.op('Mul', [x, scaled], {}, { outputs: [graph.fresh(`${x}.pssilu`)] });
}

/**
 * Squeeze and excitation, where `module` has its weights: each channel times the sigmoid of two layers on the channels' means
 * (Hu et al., arXiv:1709.01507; torchvision.ops.SqueezeExcitation, with its ReLU between).
 */
export function excite(network: NetworkBuilder, x: string, module: string): string {
  if (!network.has(`${module}.fc1.weight`)) return x;
  network.reading.note('squeeze and excitation', 'in its blocks', 'weights');
  const { graph } = network;
  const means = graph.op('GlobalAveragePool', [x]);
  const squeezed = network.relu(network.conv(means, `${module}.fc1`, { kernel: 1 }));
  const gate = graph.op('Sigmoid', [network.conv(squeezed, `${module}.fc2`, { kernel: 1 })]);
  return graph.op('Mul', [x, gate], {}, { outputs: [network.named(module)] });
}

/** What a MeanSparse module keeps to gather its statistics. */
const GATHERING = ['momentum', 'epsilon', 'flag_update_statistics', 'batch_num'];

/**
 * MeanSparse, where `module` has its statistics: a value nearer to its channel's mean than `threshold` standard deviations
 * becomes that mean (Amini et al., arXiv:2406.05927). Channels lie along `axis`.
 */
export function sparsify(network: NetworkBuilder, x: string, module: string, axis = 1): string {
  if (!network.has(`${module}.threshold`)) return x;
  network.reading.note('MeanSparse', 'before its activations and behind its sums', 'weights');
  const { graph } = network;
  const channels = network.channels(x, axis);
  const shape = [
    channels,
    ...graph
      .shape(x)
      .slice(axis + 1)
      .map(() => 1),
  ];
  const perChannel = (name: string) => graph.reshape(network.parameter(`${module}.${name}`, [channels]), shape);
  for (const name of GATHERING) network.used.add(network.named(`${module}.${name}`));
  const mean = perChannel('running_mean');
  const deviation = graph.op('Sqrt', [perChannel('running_var')]);
  const reach = graph.op('Mul', [network.parameter(`${module}.threshold`, []), deviation]);
  const distance = graph.op('Abs', [graph.op('Sub', [x, mean])]);
  const near = graph.op('Less', [distance, reach]);
  return graph.op('Where', [near, mean, x], {}, { outputs: [network.named(module)] });
}

/**
 * Logits of features [N, D]: a linear layer, or `scale` times the cosines between the features and each class's weights. Without a
 * bias and with weights of norm 1 it is usually the latter.
 */
export function classify(network: NetworkBuilder, features: string, module: string): string {
  const { reading, graph } = network;
  const usual = !network.has(`${module}.bias`) && hasUnitRows(network, `${module}.weight`) ? 'cosine' : 'linear';
  if (reading.choose('head', usual) === 'linear') return network.linear(features, module);
  if (network.has(`${module}.bias`))
    throw new CheckpointError(`is said to have a cosine head, but "${module}" has a bias: its head is linear`);
  const weights = normalized(network, network.parameter(`${module}.weight`, ['*', network.channels(features)]));
  const cosines = graph.op('Gemm', [normalized(network, features), weights], { transB: 1 });
  const scale = graph.constant(reading.choose('scale', 1));
  return graph.op('Mul', [cosines, scale], {}, { outputs: [network.named('logits')] });
}

/** The same where only a head without a bias may be another than linear. */
export function head(network: NetworkBuilder, features: string, module: string): string {
  return network.has(`${module}.bias`) ? network.linear(features, module) : classify(network, features, module);
}

/** Logits of features [N, D] by a linear layer, which some codes write as a 1x1 convolution. */
export function pointwiseHead(network: NetworkBuilder, features: string, module: string): string {
  if (network.state.get(`${module}.weight`)?.dims.length !== 4) return head(network, features, module);
  const { graph } = network;
  const pixel = graph.reshape(features, [...graph.shape(features), 1, 1]);
  const h = network.conv(pixel, module, { kernel: 1 });
  return graph.op('Flatten', [h], { axis: 1 }, { outputs: [network.named('logits')] });
}

/** Each row over its Euclidean norm, as torch.nn.functional.normalize does. */
function normalized({ graph }: NetworkBuilder, rows: string): string {
  const norms = graph.op('ReduceL2', [rows, graph.ints([1])], { keepdims: 1 });
  return graph.op('Div', [rows, graph.op('Max', [norms, graph.constant(1e-12)])]);
}

function hasUnitRows({ state }: NetworkBuilder, name: string): boolean {
  const weights = state.get(name);
  if (weights?.type !== 'float32') return false;
  const [rows = 0, size = 0] = weights.dims;
  const norm = (row: number) => Math.hypot(...weights.data.subarray(row * size, (row + 1) * size));
  return rows > 0 && Array.from({ length: rows }, (_, row) => norm(row)).every((value) => Math.abs(value - 1) < 0.05);
}

/** The two branches of a block, added. Throws GraphError where one lacks the weights that would fit it to the other. */
export function joined(network: NetworkBuilder, h: string, shortcut: string, block: string): string {
  const [branch, other] = [formatDims(network.graph.shape(h)), formatDims(network.graph.shape(shortcut))];
  if (branch === other) return network.add(h, shortcut, block);
  throw new GraphError(`block "${block}" gives ${branch}, its shortcut ${other}, and no weights for a projection`);
}

/** What DeepMind's networks and those trained with their code have in common: Swish, and CIFAR's mean and standard deviation. */
export function deepMindUsual(state: WeightNames): ModelOptions {
  const classes = state.get('logits.weight')?.dims[0];
  return { activation: 'silu', normalization: classes === 100 ? 'cifar100' : 'cifar10' };
}
