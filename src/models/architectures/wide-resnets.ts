import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import { activateIn, classify, deepMindUsual, sparsify } from './modules.ts';
import { type PreActivationBlock, preActivationBlock, statedShortcut } from './pre-activation.ts';

/** A WideResNet (Zagoruyko & Komodakis, arXiv:1605.07146) with the module names of one code. */
interface WideResNet {
  readonly name: string;
  readonly stem: string;
  /** Names of the stages. */
  readonly stages: readonly [string, string, string];
  readonly block: PreActivationBlock;
  /** The last BatchNorm, before an activation and the pooling. */
  readonly norm: string;
  readonly head: string;
  readonly usual?: Architecture['usual'];
}

/** Where the width changes, both branches of the public codes see the activated input; elsewhere the shortcut is the raw one. Dropout does nothing at inference. */
const TRADES_BLOCK: PreActivationBlock = {
  steps: [
    { norm: 'bn1', conv: 'conv1' },
    { norm: 'bn2', conv: 'conv2' },
  ],
  shortcut: { conv: 'convShortcut', reads: statedShortcut },
};

const DEEPMIND_BLOCK: PreActivationBlock = {
  steps: [
    { norm: 'batchnorm_0', conv: 'conv_0' },
    { norm: 'batchnorm_1', conv: 'conv_1' },
  ],
  shortcut: { conv: 'shortcut', reads: statedShortcut },
  padding: 'end',
};

const BLOCKS = ['block1.layer', 'block2.layer', 'block3.layer'] as const;
const NUMBERED_BLOCKS = ['blocks.0.layer', 'blocks.1.layer', 'blocks.2.layer'] as const;
const NUMBERED_LAYERS = ['layer.0.block', 'layer.1.block', 'layer.2.block'] as const;

const WIDE_RESNETS: readonly WideResNet[] = [
  // TRADES: https://github.com/yaodongyu/TRADES, models/wideresnet.py; AWP, MART, HAT and most training codes since.
  { name: 'wide-resnet', stem: 'conv1', stages: BLOCKS, block: TRADES_BLOCK, norm: 'bn1', head: 'fc' },
  // Depth and width by stage (Huang et al., arXiv:2110.03825).
  {
    name: 'robust-wide-resnet',
    ...{ stem: 'stem_conv', stages: NUMBERED_BLOCKS, block: TRADES_BLOCK, norm: 'bn1', head: 'fc' },
  },
  // WRN-A1 to A4 (Huang et al., arXiv:2212.11005).
  {
    name: 'robust-resnet',
    ...{ stem: 'stem_conv', stages: NUMBERED_BLOCKS, norm: 'norm1', head: 'fc' },
    block: { ...TRADES_BLOCK, shortcut: { conv: 'shortcut.0', reads: statedShortcut } },
    usual: () => ({ activation: 'silu', normalization: 'cifar10' }),
  },
  // Gowal et al., arXiv:2010.03593: https://github.com/google-deepmind/deepmind-research, adversarial_robustness/pytorch. With
  // squeeze and excitation where it has the weights: Ra-WRN-70-16 (Peng et al., arXiv:2308.16258).
  {
    name: 'dm-wide-resnet',
    ...{ stem: 'init_conv', stages: NUMBERED_LAYERS, block: DEEPMIND_BLOCK, norm: 'batchnorm', head: 'logits' },
    usual: deepMindUsual,
  },
];

/** Each as an architecture. */
export const wideResNets: readonly Architecture[] = WIDE_RESNETS.map((kind) => ({
  name: kind.name,
  imageShape: [3, 32, 32],
  recognises: (state) =>
    [
      `${kind.stem}.weight`,
      ...kind.stages.map((stage) => `${stage}.0.${kind.block.steps[0].conv}.weight`),
      `${kind.norm}.weight`,
      `${kind.head}.weight`,
    ].every((name) => state.has(name)),
  ...(kind.usual && { usual: kind.usual }),
  build: (network, x) => build(kind, network, x),
}));

function build(kind: WideResNet, network: NetworkBuilder, x: string): Body {
  const stem = network.conv(x, kind.stem, { kernel: 3, padding: 1 });
  const { outputs, blocks } = network.stages(stem, kind.stages, preActivationBlock(kind.block));
  const [block1, block2, last] = outputs;
  const normed = sparsify(network, network.batchNorm(last, kind.norm), 'meansparse_end');
  const block3 = network.globalAverage(activateIn(network, normed, ''));
  return {
    description: describe(network, kind, blocks),
    logits: classify(network, block3, kind.head),
    layers: network.layers({ block1, block2, block3 }),
  };
}

/** "WideResNet-28-10, base width 16"; where stages do not double their width, all widths instead of the one factor. */
function describe(network: NetworkBuilder, kind: WideResNet, blocks: number): string {
  const base = network.width(`${kind.stem}.weight`);
  const widths = kind.stages.map((stage) => network.width(`${stage}.0.${kind.block.steps[0].conv}.weight`));
  const [first = 0, ...others] = widths;
  const doubles = others.every((width, index) => width === first * 2 ** (index + 1));
  const depth = `WideResNet-${2 * blocks + 4}`;
  return doubles ? `${depth}-${first / base}, base width ${base}` : `${depth}, widths ${[base, ...widths].join(', ')}`;
}
