import type { Activation, ModelOptions } from '../model-options.ts';

/** How the files of a zoo's models are read where their weights do not tell, or why they are refused. */
export type ZooNetwork =
  | {
      readonly kind: 'read';
      readonly model: ModelOptions;
      /** The keys, joined by dots, that lead to the state dict, where a file holds several. */
      readonly stateDict?: string;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Of every BatchNorm. */
const BATCH_NORM = { epsilon: 1e-5 } as const;

function read(model: ModelOptions, stateDict?: string): ZooNetwork {
  return { kind: 'read', model, ...(stateDict === undefined ? {} : { stateDict }) };
}

function convolutional(
  architecture: string,
  activation: Activation,
  rest: ModelOptions = {},
  stateDict?: string,
): ZooNetwork {
  return read({ architecture, activation, ...BATCH_NORM, ...rest }, stateDict);
}

function refused(reason: string): ZooNetwork {
  return { kind: 'refused', reason };
}

/** The networks that the tables name in their third column: facts of RobustBench's robustbench/model_zoo/architectures. */
export const ZOO_NETWORKS: Readonly<Record<string, ZooNetwork>> = {
  // CIFAR
  wrn: convolutional('wide-resnet', 'relu'),
  'wrn-cosine': convolutional('wide-resnet', 'relu', { head: 'cosine', scale: 1 }),
  // Its activation has parameters, which the file holds.
  'wrn-pssilu': read({ architecture: 'wide-resnet', ...BATCH_NORM }),
  'dm-wrn': convolutional('dm-wide-resnet', 'silu'),
  'robust-wrn': convolutional('robust-wide-resnet', 'relu'),
  'wrn-a4': convolutional('robust-resnet', 'silu'),
  resnet: convolutional('cifar-resnet', 'relu'),
  preact: convolutional('preact-resnet', 'relu', { shortcut: 'activated' }),
  'preact-last': convolutional('preact-resnet', 'relu', { shortcut: 'activated' }, 'last'),
  'preact-raw': convolutional('preact-resnet', 'relu', { shortcut: 'raw' }),
  'preact-raw-last': convolutional('preact-resnet', 'relu', { shortcut: 'raw' }, 'last'),
  'dm-preact': convolutional('dm-preact-resnet', 'silu'),
  lrr: convolutional('cifar-resnet-torchvision', 'relu'),
  binary: convolutional('card-preact-resnet', 'relu'),
  resnext: convolutional('cifar-resnext', 'relu'),
  resnest: convolutional('resnest', 'silu', { stem: 'stride-1' }),
  // Several networks in one: of their files, `igd fetch` gets each.
  ensemble: convolutional('ensemble', 'relu', { ensemble: 'probabilities' }),
  // ImageNet
  'tv-resnet': convolutional('imagenet-resnet', 'relu'),
  'tv-resnet-50': convolutional('imagenet-resnet', 'relu', { stride: 'conv2' }),
  'ra-resnet': convolutional('robust-arch-resnet', 'silu'),
  alexnet: read({ architecture: 'alexnet', activation: 'relu' }),
  xcit: read({ architecture: 'xcit', activation: 'gelu', ...BATCH_NORM }),
  'vit-s': read({ architecture: 'vit', activation: 'gelu' }),
  'vit-b': read({ architecture: 'vit', activation: 'gelu' }),
  convnext: read({ architecture: 'convnext', activation: 'gelu' }),
  swin: read({ architecture: 'swin', activation: 'gelu' }),
  'swin-mimir': read({ architecture: 'swin', activation: 'gelu', layerNormEpsilon: 1e-6 }),
  // Refused
  'adaptive-mixture': refused('a third network mixes two others image by image, in three files'),
  'mixed-nuts': refused('it mixes the hard decisions of one model with another, and has another graph for gradients'),
  'neural-ode': refused('its last layers are a differential equation, solved in steps that depend on the image'),
};
