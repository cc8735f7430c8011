import type { Architecture, Body, NetworkBuilder, WeightNames } from '../network-builder.ts';
import { deepMindUsual, pointwiseHead } from './modules.ts';
import { type PreActivationBlock, preActivationBlock, statedShortcut } from './pre-activation.ts';

/** Pre-activation ResNets for CIFAR (He et al., arXiv:1603.05027) with the module names of one code. */
interface PreActResNet {
  readonly name: string;
  /** For a reader. */
  readonly title: string;
  readonly stem: string;
  /** BatchNorm and activation behind the stem. */
  readonly stemNorm?: string;
  /** Names of the stages. */
  readonly stages: readonly [string, string, string, string];
  readonly block: PreActivationBlock;
  /** BatchNorm and activation before the pooling, where it has one. */
  readonly norm: string;
  readonly head: string;
  /** A name that others with these names have, and this one has not. */
  readonly without?: readonly string[];
  readonly usual?: Architecture['usual'];
}

const LAYERS = ['layer1', 'layer2', 'layer3', 'layer4'] as const;

const BASIC: PreActivationBlock = {
  steps: [
    { norm: 'bn1', conv: 'conv1' },
    { norm: 'bn2', conv: 'conv2' },
  ],
  shortcut: { conv: 'shortcut.0', reads: statedShortcut },
};

const BOTTLENECK: PreActivationBlock = {
  steps: [
    { norm: 'bn1', conv: 'conv1', kernel: 1 },
    { norm: 'bn2', conv: 'conv2', strided: true },
    { norm: 'bn3', conv: 'conv3', kernel: 1 },
  ],
  shortcut: { conv: 'shortcut.0', reads: statedShortcut },
};

const PREACT_RESNETS: readonly PreActResNet[] = [
  // With a last `bn` (AWP, DAJAT) there is a BatchNorm and an activation before the pooling, without it neither.
  {
    name: 'preact-resnet',
    ...{ title: 'PreActResNet', stem: 'conv1', stages: LAYERS, block: BASIC, norm: 'bn', head: 'linear' },
    without: ['bn1.weight', 'layer1.0.conv3.weight'],
  },
  {
    name: 'preact-bottleneck-resnet',
    ...{ title: 'PreActResNet', stem: 'conv1', stages: LAYERS, block: BOTTLENECK, norm: 'bn', head: 'linear' },
    without: ['bn1.weight'],
  },
  // The branches of Chen et al., arXiv:2003.12862: BatchNorm behind the stem and behind each projection, none at the end.
  {
    name: 'chen-resnet',
    ...{ title: 'PreActResNet', stem: 'conv1', stemNorm: 'bn1', stages: LAYERS, norm: 'bn', head: 'linear' },
    block: {
      steps: [
        { norm: 'bn0', conv: 'conv1', kernel: 1 },
        { norm: 'bn1', conv: 'conv2', strided: true },
        { norm: 'bn2', conv: 'conv3', kernel: 1 },
      ],
      shortcut: { conv: 'shortcut.0', norm: 'shortcut.1', reads: 'activated' },
    },
  },
  // Gowal et al., arXiv:2010.03593: https://github.com/google-deepmind/deepmind-research, adversarial_robustness/pytorch.
  {
    name: 'dm-preact-resnet',
    ...{ title: 'PreActResNet', stem: 'conv_2d', norm: 'batchnorm', head: 'logits' },
    stages: ['layer_0', 'layer_1', 'layer_2', 'layer_3'],
    block: {
      steps: [
        { norm: 'batchnorm_0', conv: 'conv_2d_1' },
        { norm: 'batchnorm_1', conv: 'conv_2d_2' },
      ],
      shortcut: { conv: 'shortcut', kernel: 3, reads: 'raw' },
      padding: 'end',
    },
    usual: deepMindUsual,
  },
  // CARD's binary networks (Diffenderfer et al., arXiv:2106.09129): identities are activated too, BatchNorms have no weights, and
  // the head is a convolution.
  {
    name: 'card-preact-resnet',
    ...{ title: 'wide PreActResNet', stem: 'conv1', stages: LAYERS, norm: 'bn1', head: 'fc' },
    block: {
      ...BASIC,
      shortcut: { conv: 'shortcut.0', norm: 'shortcut.1', reads: 'activated' },
      identity: 'activated',
      affine: false,
    },
    without: ['bn1.weight'],
  },
];

/** Each as an architecture. */
export const preActResNets: readonly Architecture[] = PREACT_RESNETS.map((kind) => ({
  name: kind.name,
  imageShape: [3, 32, 32],
  recognises: (state) => recognises(kind, state),
  ...(kind.usual && { usual: kind.usual }),
  build: (network, x) => build(kind, network, x),
}));

function recognises({ stem, stemNorm, stages, block, head, without = [] }: PreActResNet, state: WeightNames): boolean {
  const first = block.steps.flatMap(({ norm, conv }) => [`${norm}.running_mean`, `${conv}.weight`]);
  const names = [`${stem}.weight`, ...first.map((name) => `${stages[0]}.0.${name}`), `${head}.weight`];
  if (stemNorm !== undefined) names.push(`${stemNorm}.weight`);
  return names.every((name) => state.has(name)) && !without.some((name) => state.has(name));
}

function build(kind: PreActResNet, network: NetworkBuilder, x: string): Body {
  const { stages, block, norm, head } = kind;
  const { outputs, blocks } = network.stages(stemOf(kind, network, x), stages, preActivationBlock(block));
  const [layer1, layer2, layer3, last] = outputs;
  const affine = block.affine === undefined ? {} : { affine: block.affine };
  const layer4 = network.globalAverage(
    network.has(`${norm}.running_mean`) ? network.activate(network.batchNorm(last, norm, affine)) : last,
  );
  return {
    description: `${kind.title}-${block.steps.length * blocks + 2}, width ${network.width(`${kind.stem}.weight`)}`,
    logits: pointwiseHead(network, layer4, head),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

function stemOf({ stem, stemNorm }: PreActResNet, network: NetworkBuilder, x: string): string {
  const h = network.conv(x, stem, { kernel: 3, padding: 1 });
  return stemNorm === undefined ? h : network.activate(network.batchNorm(h, stemNorm));
}
