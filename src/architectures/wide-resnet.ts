import type { Architecture, Body } from './architecture.ts';
import type { NetworkBuilder } from './network-builder.ts';

/**
 * WideResNet-d-w for CIFAR (Zagoruyko & Komodakis, arXiv:1605.07146) with the module names of TRADES:
 * https://github.com/yaodongyu/TRADES, models/wideresnet.py. Dropout does nothing at inference.
 */
export const wideResNet: Architecture = {
  name: 'wide-resnet',
  imageShape: [3, 32, 32],
  recognises: (state) =>
    ['conv1.weight', 'block1.layer.0.conv1.weight', 'block3.layer.0.conv1.weight', 'bn1.weight', 'fc.weight'].every(
      (name) => state.has(name),
    ),
  build,
};

function build(network: NetworkBuilder, x: string): Body {
  const stem = network.conv(x, 'conv1', { padding: 1 });
  const { outputs, blocks } = network.stages(stem, ['block1.layer', 'block2.layer', 'block3.layer'], wideBlock);
  const [block1 = '', block2 = '', last = ''] = outputs;
  const block3 = network.globalAverage(network.relu(network.batchNorm(last, 'bn1')));
  const base = network.width('conv1.weight');
  const widen = network.width('block1.layer.0.conv1.weight') / base;
  return {
    description: `WideResNet-${2 * blocks + 4}-${widen}, base width ${base}`,
    logits: network.linear(block3, 'fc'),
    layers: network.layers({ block1, block2, block3 }),
  };
}

/** Where the width changes, both branches see the activated input; elsewhere the shortcut is the raw one. */
function wideBlock(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const activated = network.relu(network.batchNorm(x, `${name}.bn1`));
  const inner = network.conv(activated, `${name}.conv1`, { stride, padding: 1 });
  const h = network.conv(network.relu(network.batchNorm(inner, `${name}.bn2`)), `${name}.conv2`, { padding: 1 });
  const projected = network.has(`${name}.convShortcut.weight`);
  return network.add(projected ? network.conv(activated, `${name}.convShortcut`, { stride }) : x, h, name);
}
