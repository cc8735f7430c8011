import type { Architecture, Body, ConvOptions, NetworkBuilder } from './network-builder.ts';

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
  build: buildCifarResNet,
};

function buildCifarResNet(network: NetworkBuilder, x: string): Body {
  const stem = network.activate(network.batchNorm(network.conv(x, 'conv1', { kernel: 3, padding: 1 }), 'bn1'));
  const { outputs, blocks } = network.stages(stem, ['layer1', 'layer2', 'layer3', 'layer4'], basicBlock);
  const [layer1, layer2, layer3, last] = outputs;
  const layer4 = network.globalAverage(last);
  return {
    description: `CIFAR ResNet-${2 * blocks + 2}, width ${network.width('conv1.weight')}`,
    logits: network.linear(layer4, 'linear'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

function basicBlock(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const inner = network.activate(
    network.batchNorm(network.conv(x, `${name}.conv1`, { kernel: 3, stride, padding: 1 }), `${name}.bn1`),
  );
  const h = network.batchNorm(network.conv(inner, `${name}.conv2`, { kernel: 3, padding: 1 }), `${name}.bn2`);
  const projected = network.has(`${name}.shortcut.0.weight`);
  const shortcut = projected
    ? network.batchNorm(network.conv(x, `${name}.shortcut.0`, { kernel: 1, stride }), `${name}.shortcut.1`)
    : x;
  return network.activate(network.add(h, shortcut, name));
}

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
  build: buildPreActResNet,
};

function buildPreActResNet(network: NetworkBuilder, x: string): Body {
  const stem = network.conv(x, 'conv1', { kernel: 3, padding: 1 });
  const { outputs, blocks } = network.stages(stem, ['layer1', 'layer2', 'layer3', 'layer4'], preActBlock);
  const [layer1, layer2, layer3, last] = outputs;
  const layer4 = network.globalAverage(
    network.has('bn.weight') ? network.activate(network.batchNorm(last, 'bn')) : last,
  );
  return {
    description: `PreActResNet-${2 * blocks + 2}, width ${network.width('conv1.weight')}`,
    logits: network.linear(layer4, 'linear'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

/** The projection, where there is one, sees the activated input; the identity shortcut sees the raw one. */
function preActBlock(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const activated = network.activate(network.batchNorm(x, `${name}.bn1`));
  const projected = network.has(`${name}.shortcut.0.weight`);
  const shortcut = projected ? network.conv(activated, `${name}.shortcut.0`, { kernel: 1, stride }) : x;
  const inner = network.conv(activated, `${name}.conv1`, { kernel: 3, stride, padding: 1 });
  const h = network.conv(network.activate(network.batchNorm(inner, `${name}.bn2`)), `${name}.conv2`, {
    kernel: 3,
    padding: 1,
  });
  return network.add(h, shortcut, name);
}

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
  build: buildWideResNet,
};

function buildWideResNet(network: NetworkBuilder, x: string): Body {
  const stem = network.conv(x, 'conv1', { kernel: 3, padding: 1 });
  const { outputs, blocks } = network.stages(stem, ['block1.layer', 'block2.layer', 'block3.layer'], wideBlock);
  const [block1, block2, last] = outputs;
  const block3 = network.globalAverage(network.activate(network.batchNorm(last, 'bn1')));
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
  const activated = network.activate(network.batchNorm(x, `${name}.bn1`));
  const inner = network.conv(activated, `${name}.conv1`, { kernel: 3, stride, padding: 1 });
  const h = network.conv(network.activate(network.batchNorm(inner, `${name}.bn2`)), `${name}.conv2`, {
    kernel: 3,
    padding: 1,
  });
  const projected = network.has(`${name}.convShortcut.weight`);
  return network.add(projected ? network.conv(activated, `${name}.convShortcut`, { kernel: 1, stride }) : x, h, name);
}

/**
 * torchvision's bottleneck ResNet, v1.5 (the stride is in the 3x3 convolution):
 * https://github.com/pytorch/vision, torchvision/models/resnet.py. Masks act on the feature maps of each stage.
 */
export const imageNetResNet: Architecture = {
  name: 'imagenet-resnet',
  imageShape: [3, 224, 224],
  normalization: 'imagenet',
  recognises: (state) =>
    ['conv1.weight', 'bn1.weight', 'layer1.0.conv3.weight', 'layer1.0.downsample.0.weight', 'fc.weight'].every((name) =>
      state.has(name),
    ),
  build: buildImageNetResNet,
};

function buildImageNetResNet(network: NetworkBuilder, x: string): Body {
  const stem = network.activate(
    network.batchNorm(network.conv(x, 'conv1', { kernel: 7, stride: 2, padding: 3 }), 'bn1'),
  );
  const pooled = network.maxPool(stem, 3, 2, 1);
  const { outputs, blocks } = network.stages(pooled, ['layer1', 'layer2', 'layer3', 'layer4'], bottleneck);
  const [layer1, layer2, layer3, layer4] = outputs;
  return {
    description: `ImageNet ResNet-${3 * blocks + 2}, width ${network.width('conv1.weight')}`,
    logits: network.linear(network.globalAverage(layer4), 'fc'),
    layers: network.layers({ layer1, layer2, layer3, layer4 }),
  };
}

function bottleneck(network: NetworkBuilder, x: string, name: string, stride: number): string {
  const step = (value: string, index: number, options: ConvOptions) =>
    network.batchNorm(network.conv(value, `${name}.conv${index}`, options), `${name}.bn${index}`);
  const squeezed = network.activate(step(x, 1, { kernel: 1 }));
  const spatial = network.activate(step(squeezed, 2, { kernel: 3, stride, padding: 1 }));
  const h = step(spatial, 3, { kernel: 1 });
  const shortcut = network.has(`${name}.downsample.0.weight`)
    ? network.batchNorm(network.conv(x, `${name}.downsample.0`, { kernel: 1, stride }), `${name}.downsample.1`)
    : x;
  return network.activate(network.add(h, shortcut, name));
}
