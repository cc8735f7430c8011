import { CheckpointError } from '../../errors.ts';
import { sizeOf } from '../../numeric/tensor.ts';
import { isBatch } from '../../onnx/graph.ts';
import type { Architecture, Body, ConvOptions, NetworkBuilder, WeightNames } from '../network-builder.ts';

/**
 * Networks whose convolutions stand in a row, `features.0`, `features.3`, ..., with an activation behind each and pooling where an
 * index is missing: what a Sequential without weights between them cannot hide.
 */
interface Sequential {
  readonly name: string;
  readonly title: string;
  readonly imageShape: readonly [number, number, number];
  readonly normalization?: Architecture['normalization'];
  /** Of the convolution at an index. */
  readonly conv: (index: number) => ConvOptions;
  /** Side and stride of each pooling. */
  readonly pool: readonly [number, number];
  /** Linear layers behind it. */
  readonly classifier: readonly string[];
  readonly firstKernel: number;
}

const IMAGENET = { imageShape: [3, 224, 224], normalization: 'imagenet' } as const;
const VGG = { title: 'VGG', conv: () => ({ kernel: 3, padding: 1 }), pool: [2, 2], firstKernel: 3 } as const;
const ALEXNET_CONVS: Readonly<Record<number, ConvOptions>> = {
  0: { kernel: 11, stride: 4, padding: 2 },
  3: { kernel: 5, padding: 2 },
};

const SEQUENTIALS: readonly Sequential[] = [
  // torchvision/models/alexnet.py
  {
    name: 'alexnet',
    title: 'AlexNet',
    ...IMAGENET,
    conv: (index) => ALEXNET_CONVS[index] ?? { kernel: 3, padding: 1 },
    pool: [3, 2],
    classifier: ['classifier.1', 'classifier.4', 'classifier.6'],
    firstKernel: 11,
  },
  // torchvision/models/vgg.py, with BatchNorm or without
  { name: 'vgg', ...VGG, ...IMAGENET, classifier: ['classifier.0', 'classifier.3', 'classifier.6'] },
  // https://github.com/kuangliu/pytorch-cifar, models/vgg.py
  { name: 'cifar-vgg', ...VGG, imageShape: [3, 32, 32], classifier: ['classifier'] },
];

/** Each as an architecture. */
export const sequentials: readonly Architecture[] = SEQUENTIALS.map((kind) => ({
  name: kind.name,
  imageShape: kind.imageShape,
  ...(kind.normalization && { normalization: kind.normalization }),
  recognises: (state) =>
    state.get('features.0.weight')?.dims[3] === kind.firstKernel &&
    kind.classifier.every((name) => state.has(`${name}.weight`)),
  build: (network, x) => build(kind, network, x),
}));

function build(kind: Sequential, network: NetworkBuilder, x: string): Body {
  const { outputs, pooled, convolutions } = features(kind, network, x);
  const logits = classified(kind, network, pooled);
  return {
    description: `${kind.title}-${convolutions + kind.classifier.length}, width ${network.width('features.0.weight')}`,
    logits,
    layers: network.layers(Object.fromEntries(outputs.map((tensor, index) => [`stage${index + 1}`, tensor]))),
  };
}

/** Behind a convolution come its BatchNorm, where it has one, an activation, and pooling, where the next index leaves room. */
function features(kind: Sequential, network: NetworkBuilder, x: string) {
  const indices = convolutionsIn(network.state);
  const outputs: string[] = [];
  let h = x;
  for (const [position, index] of indices.entries()) {
    const module = `features.${index}`;
    h = network.conv(h, module, kind.conv(index));
    const norm = `features.${index + 1}`;
    const normed = network.has(`${norm}.running_mean`);
    h = network.activate(normed ? network.batchNorm(h, norm) : h);
    const free = index + (normed ? 3 : 2);
    const next = indices[position + 1] ?? free + 1;
    if (next > free + 1)
      throw new CheckpointError(`"features" has something between ${index} and ${next} that ${kind.name} has not`);
    if (next === free) continue;
    h = network.maxPool(h, ...kind.pool, 0, `features.${free}`);
    outputs.push(h);
  }
  return { outputs, pooled: h, convolutions: indices.length };
}

function convolutionsIn(state: WeightNames): number[] {
  const indices = [...state.keys()].flatMap((name) => {
    const index = /^features\.(\d+)\.weight$/.exec(name)?.[1];
    return index !== undefined && state.get(name)?.dims.length === 4 ? [Number(index)] : [];
  });
  return indices.sort((a, b) => a - b);
}

/** Linear layers with activations between them; dropout does nothing at inference. */
function classified({ name, classifier }: Sequential, network: NetworkBuilder, pooled: string): string {
  const size = sizeOf(
    network.graph
      .shape(pooled)
      .slice(1)
      .map((dim) => (isBatch(dim) ? 0 : dim)),
  );
  const wanted = network.state.get(`${classifier[0]}.weight`)?.dims[1];
  if (wanted !== size) {
    throw new CheckpointError(
      `its first linear layer reads ${wanted} values, and images of this size leave ${size}: ${name} pools to a fixed size there, which igd ` +
        'reads for the size it was made for only',
    );
  }
  const flat = network.flatten(pooled);
  return classifier.reduce(
    (h, module, index) =>
      index === classifier.length - 1 ? network.linear(h, module) : network.activate(network.linear(h, module, module)),
    flat,
  );
}
