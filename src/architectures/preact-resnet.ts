import type { Architecture, Body } from './architecture.ts';
import type { NetworkBuilder } from './network-builder.ts';

/**
 * Pre-activation ResNet for CIFAR (He et al., arXiv:1603.05027): BatchNorm and ReLU before each convolution. Training codes
 * differ in the end: with a last `bn` (AWP, DAJAT) there is a BatchNorm and a ReLU before the pooling, without it neither.
 */
export const preActResNet: Architecture = {
  name: 'preact-resnet',
  imageShape: [3, 32, 32],
  recognises: (state) =>
    ['conv1.weight', 'layer1.0.bn1.weight', 'layer1.0.conv2.weight', 'linear.weight'].every((name) =>
      state.has(name),
    ) &&
    !state.has('bn1.weight') &&
    !state.has('layer1.0.conv3.weight'),
  build,
};

function build(network: NetworkBuilder, x: string): Body {
  const stem = network.conv(x, 'conv1', { padding: 1 });
  const { outputs, blocks } = network.stages(stem, ['layer1', 'layer2', 'layer3', 'layer4'], preActBlock);
  const [layer1 = '', layer2 = '', layer3 = '', last = ''] = outputs;
  const layer4 = network.globalAverage(network.has('bn.weight') ? network.relu(network.batchNorm(last, 'bn')) : last);
  return {
    description: `PreActResNet-${2 * blocks + 2}, width ${network.width('conv1.weight')}`,
    logits: network.linear(layer4, 'linear'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

/** The projection, where there is one, sees the activated input; the identity shortcut sees the raw one. */
function preActBlock(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const activated = network.relu(network.batchNorm(x, `${name}.bn1`));
  const projected = network.has(`${name}.shortcut.0.weight`);
  const shortcut = projected ? network.conv(activated, `${name}.shortcut.0`, { stride }) : x;
  const inner = network.conv(activated, `${name}.conv1`, { stride, padding: 1 });
  const h = network.conv(network.relu(network.batchNorm(inner, `${name}.bn2`)), `${name}.conv2`, { padding: 1 });
  return network.add(h, shortcut, name);
}
