import type { Architecture, Body, NetworkBuilder, WeightNames } from '../network-builder.ts';
import { head } from './modules.ts';
import { type PostActivationBlock, postActivationBlock } from './post-activation.ts';

/** Names of the modules of a residual network (He et al., arXiv:1512.03385) in one code. */
interface ResNetNames {
  readonly stem: string;
  readonly norm: string;
  /** Names of the stages; a file may lack the last. */
  readonly stages: readonly [string, string, string, string];
  readonly steps: readonly { readonly conv: string; readonly norm: string }[];
  readonly shortcut: { readonly conv: string; readonly norm: string };
  readonly head: string;
}

/** A residual network: its names, and the size of its stem, which tells for what images it is. */
interface ResNet {
  readonly name: string;
  readonly names: ResNetNames;
  readonly stem: keyof typeof STEMS;
}

/** For small images, a 3x3 convolution; for large ones, 7x7 with a stride of 2, and max pooling. */
const STEMS = {
  3: { title: 'CIFAR', imageShape: [3, 32, 32] },
  7: { title: 'ImageNet', imageShape: [3, 224, 224], normalization: 'imagenet' },
} as const;

const numbered = (conv: string, norm: string) => [1, 2, 3].map((n) => ({ conv: `${conv}${n}`, norm: `${norm}${n}` }));

/** https://github.com/kuangliu/pytorch-cifar, models/resnet.py, and the training codes that follow it. */
const KUANGLIU: ResNetNames = {
  ...{ stem: 'conv1', norm: 'bn1', head: 'linear', steps: numbered('conv', 'bn') },
  stages: ['layer1', 'layer2', 'layer3', 'layer4'],
  shortcut: { conv: 'shortcut.0', norm: 'shortcut.1' },
};

/** https://github.com/pytorch/vision, torchvision/models/resnet.py; timm's too. */
const TORCHVISION: ResNetNames = { ...KUANGLIU, head: 'fc', shortcut: { conv: 'downsample.0', norm: 'downsample.1' } };

/** ResNeXt-29 of AugMix (Xie et al., arXiv:1611.05431): https://github.com/google-research/augmix, third_party/ResNeXt_DenseNet. */
const RESNEXT_29: ResNetNames = {
  ...{ stem: 'conv_1_3x3', norm: 'bn_1', head: 'classifier' },
  stages: ['stage_1', 'stage_2', 'stage_3', 'stage_4'],
  steps: [
    { conv: 'conv_reduce', norm: 'bn_reduce' },
    { conv: 'conv_conv', norm: 'bn' },
    { conv: 'conv_expand', norm: 'bn_expand' },
  ],
  shortcut: TORCHVISION.shortcut,
};

const RESNETS: readonly ResNet[] = [
  { name: 'cifar-resnet', names: KUANGLIU, stem: 3 },
  { name: 'cifar-resnet-torchvision', names: TORCHVISION, stem: 3 },
  { name: 'imagenet-resnet', names: TORCHVISION, stem: 7 },
  { name: 'cifar-resnext', names: RESNEXT_29, stem: 3 },
];

/** Each as an architecture, of basic blocks or bottlenecks as the file has them. */
export const resNets: readonly Architecture[] = RESNETS.map((kind) => {
  const { imageShape, ...input } = STEMS[kind.stem];
  return {
    name: kind.name,
    imageShape,
    ...('normalization' in input && { normalization: input.normalization }),
    recognises: (state) => recognises(kind, state),
    build: (network, x) => build(kind, network, x),
  };
});

function recognises({ names, stem }: ResNet, state: WeightNames): boolean {
  const { stages, steps, norm, head } = names;
  const block = steps.slice(0, 2).flatMap((step) => [`${step.conv}.weight`, `${step.norm}.running_mean`]);
  return (
    state.get(`${names.stem}.weight`)?.dims[3] === stem &&
    [`${norm}.weight`, `${head}.weight`, ...block.map((name) => `${stages[0]}.0.${name}`)].every((name) =>
      state.has(name),
    ) &&
    !state.has(`${stages[0]}.0.bn0.weight`)
  );
}

function build(kind: ResNet, network: NetworkBuilder, x: string): Body {
  const { names, stem } = kind;
  const stages = hasStage(network, names.stages[3]) ? names.stages : names.stages.slice(0, 3);
  // timm's anti-aliased networks have the same weights: their blur kernels are not saved.
  if (stem === 7) network.reading.note('down-sampling', 'by stride, without blur', 'assumed');
  const { outputs, blocks } = network.stages(
    stemOf(kind, network, x),
    stages,
    postActivationBlock(blockOf(kind, network)),
  );
  const pooled = network.globalAverage(outputs.at(-1)!);
  // Of small images, the last layer is masked behind the pooling, as the IG-Defense code does; of large ones, before it.
  const layers = stem === 3 ? [...outputs.slice(0, -1), pooled] : outputs;
  return {
    description: describe(kind, network, blocks),
    logits: head(network, pooled, names.head),
    layers: network.layers(Object.fromEntries(layers.map((tensor, index) => [`layer${index + 1}`, tensor]))),
  };
}

function hasStage({ state }: NetworkBuilder, stage: string): boolean {
  return [...state.keys()].some((name) => name.startsWith(`${stage}.`));
}

function blockOf({ names }: ResNet, network: NetworkBuilder): PostActivationBlock {
  const [a, b, c] = names.steps as [
    PostActivationBlock['shortcut'],
    PostActivationBlock['shortcut'],
    PostActivationBlock['shortcut'],
  ];
  const deep = network.has(`${names.stages[0]}.0.${c.conv}.weight`);
  return { steps: deep ? [a, b, c] : [a, b], shortcut: names.shortcut, optionA: !deep };
}

function stemOf({ names, stem }: ResNet, network: NetworkBuilder, x: string): string {
  const shape = stem === 3 ? { kernel: 3, padding: 1 } : { kernel: 7, stride: 2, padding: 3 };
  const h = network.activate(network.batchNorm(network.conv(x, names.stem, shape), names.norm));
  return stem === 3 ? h : network.maxPool(h, 3, 2, 1);
}

/** "ImageNet ResNeXt-50, width 64, 32 groups, bottlenecks of 128": the last two where they are not usual. */
function describe({ names, stem }: ResNet, network: NetworkBuilder, blocks: number): string {
  const [, middle, last] = names.steps;
  const weight = (name: string) => network.state.get(`${names.stages[0]}.0.${name}.weight`)?.dims;
  const depth = (weight(last?.conv ?? '') === undefined ? 2 : 3) * blocks + 2;
  const [inner = 0, perGroup = inner] = weight(middle?.conv ?? '') ?? [];
  const groups = inner / perGroup;
  const width = network.width(`${names.stem}.weight`);
  const extras = [...(groups > 1 ? [`${groups} groups`] : []), ...(inner !== width ? [`bottlenecks of ${inner}`] : [])];
  return [`${STEMS[stem].title} ${groups > 1 ? 'ResNeXt' : 'ResNet'}-${depth}, width ${width}`, ...extras].join(', ');
}
