import type { Architecture, Body, NetworkBuilder } from '../network-builder.ts';
import { excite, joined } from './modules.ts';

const STAGES = [
  'stages.stage1.stage1-block',
  'stages.stage2.stage2-block',
  'stages.stage3.stage3-block',
  'stages.stage4.stage4-block',
] as const;

/**
 * Ra-ResNet for ImageNet (Peng et al., arXiv:2308.16258): bottlenecks without a first BatchNorm, in groups, with squeeze and
 * excitation; a 7x7 stem with a ReLU and no pooling, and a stride in each of the four stages.
 */
export const robustArchResNet: Architecture = {
  name: 'robust-arch-resnet',
  imageShape: [3, 224, 224],
  normalization: 'imagenet',
  usual: () => ({ activation: 'silu' }),
  recognises: (state) =>
    ['stem.stem.stem.0.weight', `${STAGES[0]}0.F.a.0.weight`, `${STAGES[3]}0.F.c.0.weight`, 'fc.weight'].every((name) =>
      state.has(name),
    ),
  build,
};

function build(network: NetworkBuilder, x: string): Body {
  const stem = network.conv(x, 'stem.stem.stem.0', { kernel: 7, stride: 2, padding: 3 });
  const h = network.relu(network.batchNorm(stem, 'stem.stem.stem.1'));
  const { outputs, blocks } = network.stages(h, STAGES, block, { first: 2, separator: '' });
  const [layer1, layer2, layer3, layer4] = outputs;
  return {
    description: `Ra-ResNet-${3 * blocks + 2}, width ${network.width('stem.stem.stem.0.weight')}`,
    logits: network.linear(network.globalAverage(layer4), 'fc'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

function block(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const squeezed = network.activate(network.conv(x, `${name}.F.a.0`, { kernel: 1 }));
  const spatial = network.conv(squeezed, `${name}.F.b.0`, { kernel: 3, stride, padding: 1, groups: 'any' });
  const excited = excite(network, network.activate(network.batchNorm(spatial, `${name}.F.b.1`)), `${name}.F.se`);
  const h = network.batchNorm(network.conv(excited, `${name}.F.c.0`, { kernel: 1 }), `${name}.F.c.1`);
  const shortcut = network.has(`${name}.proj.0.weight`)
    ? network.batchNorm(network.conv(x, `${name}.proj.0`, { kernel: 1, stride }), `${name}.proj.1`)
    : x;
  return network.activate(joined(network, h, shortcut, name));
}
