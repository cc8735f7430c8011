import type { Architecture, Body } from './architecture.ts';
import type { NetworkBuilder } from './network-builder.ts';

/**
 * CIFAR ResNet with basic blocks: 3x3 stem, `shortcut` branches, 4x4 average pool before `linear`.
 * https://github.com/Trustworthy-ML-Lab/Interpretability-Guided-Defense, models/resnet_val.py
 */
export const cifarResNet: Architecture = {
  name: 'cifar-resnet',
  imageShape: [3, 32, 32],
  recognises: (state) =>
    ['conv1.weight', 'bn1.weight', 'layer1.0.conv1.weight', 'layer1.0.bn1.weight', 'linear.weight'].every((name) =>
      state.has(name),
    ) && !state.has('layer1.0.conv3.weight'),
  build,
};

function build(network: NetworkBuilder, x: string): Body {
  const stem = network.relu(network.batchNorm(network.conv(x, 'conv1', { padding: 1 }), 'bn1'));
  const { outputs, blocks } = network.stages(stem, ['layer1', 'layer2', 'layer3', 'layer4'], basicBlock);
  const [layer1 = '', layer2 = '', layer3 = '', last = ''] = outputs;
  const layer4 = network.globalAverage(last);
  return {
    description: `CIFAR ResNet-${2 * blocks + 2}, width ${network.width('conv1.weight')}`,
    logits: network.linear(layer4, 'linear'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

function basicBlock(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const inner = network.relu(
    network.batchNorm(network.conv(x, `${name}.conv1`, { stride, padding: 1 }), `${name}.bn1`),
  );
  const h = network.batchNorm(network.conv(inner, `${name}.conv2`, { padding: 1 }), `${name}.bn2`);
  const projected = network.has(`${name}.shortcut.0.weight`);
  const shortcut = projected
    ? network.batchNorm(network.conv(x, `${name}.shortcut.0`, { stride }), `${name}.shortcut.1`)
    : x;
  return network.relu(network.add(h, shortcut, name));
}
