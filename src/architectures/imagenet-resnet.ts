import type { Architecture, Body } from './architecture.ts';
import type { NetworkBuilder } from './network-builder.ts';

/**
 * torchvision's bottleneck ResNet, v1.5 (the stride is in the 3x3 convolution):
 * https://github.com/pytorch/vision, torchvision/models/resnet.py. Masks act on the feature maps of each stage.
 */
export const imageNetResNet: Architecture = {
  name: 'imagenet-resnet',
  imageShape: [3, 224, 224],
  normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  recognises: (state) =>
    ['conv1.weight', 'bn1.weight', 'layer1.0.conv3.weight', 'layer1.0.downsample.0.weight', 'fc.weight'].every((name) =>
      state.has(name),
    ),
  build,
};

function build(network: NetworkBuilder, x: string): Body {
  const stem = network.relu(network.batchNorm(network.conv(x, 'conv1', { stride: 2, padding: 3 }), 'bn1'));
  const pooled = network.maxPool(stem, 3, 2, 1);
  const { outputs, blocks } = network.stages(pooled, ['layer1', 'layer2', 'layer3', 'layer4'], bottleneck);
  const [layer1 = '', layer2 = '', layer3 = '', layer4 = ''] = outputs;
  return {
    description: `ImageNet ResNet-${3 * blocks + 2}, width ${network.width('conv1.weight')}`,
    logits: network.linear(network.globalAverage(layer4), 'fc'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

function bottleneck(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const step = (value: string, index: number, options: { stride?: number; padding?: number }) =>
    network.batchNorm(network.conv(value, `${name}.conv${index}`, options), `${name}.bn${index}`);
  const squeezed = network.relu(step(x, 1, {}));
  const spatial = network.relu(step(squeezed, 2, { stride, padding: 1 }));
  const h = step(spatial, 3, {});
  const shortcut = network.has(`${name}.downsample.0.weight`)
    ? network.batchNorm(network.conv(x, `${name}.downsample.0`, { stride }), `${name}.downsample.1`)
    : x;
  return network.relu(network.add(h, shortcut, name));
}
