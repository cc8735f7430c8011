import type { ModelOptions } from '../model-options.ts';

/** How the files of a zoo's models are read where their weights do not tell, or why they are refused. */
export type ZooNetwork =
  | {
      readonly kind: 'read';
      readonly model: ModelOptions;
      /** The keys, joined by dots, that lead to the state dict, where a file holds several. */
      readonly stateDict?: string;
    }
  | { readonly kind: 'refused'; readonly reason: string };

function read(model: ModelOptions, stateDict?: string): ZooNetwork {
  return { kind: 'read', model, ...(stateDict === undefined ? {} : { stateDict }) };
}

function refused(reason: string): ZooNetwork {
  return { kind: 'refused', reason };
}

/** The networks that the tables name in their third column: facts of RobustBench's robustbench/model_zoo/architectures. */
export const ZOO_NETWORKS: Readonly<Record<string, ZooNetwork>> = {
  // CIFAR
  wrn: read({ architecture: 'wide-resnet', activation: 'relu' }),
  'wrn-cosine': read({ architecture: 'wide-resnet', activation: 'relu', head: 'cosine', scale: 1 }),
  // Its activation has parameters of its own, which the file holds.
  'wrn-pssilu': read({ architecture: 'wide-resnet' }),
  'dm-wrn': read({ architecture: 'dm-wide-resnet', activation: 'silu' }),
  'ra-wrn': read({ architecture: 'ra-wide-resnet', activation: 'silu' }),
  'robust-wrn': read({ architecture: 'robust-wide-resnet', activation: 'relu' }),
  'wrn-a4': read({ architecture: 'robust-wide-resnet', activation: 'silu' }),
  resnet: read({ architecture: 'cifar-resnet', activation: 'relu' }),
  preact: read({ architecture: 'preact-resnet', activation: 'relu', shortcut: 'activated' }),
  'preact-last': read({ architecture: 'preact-resnet', activation: 'relu', shortcut: 'activated' }, 'last'),
  'preact-raw': read({ architecture: 'preact-resnet', activation: 'relu', shortcut: 'raw' }),
  'preact-raw-last': read({ architecture: 'preact-resnet', activation: 'relu', shortcut: 'raw' }, 'last'),
  'dm-preact': read({ architecture: 'dm-preact-resnet', activation: 'silu' }),
  lrr: read({ architecture: 'imagenet-resnet', activation: 'relu' }),
  binary: read({ architecture: 'preact-resnet', activation: 'relu', shortcut: 'activated' }),
  resnext: read({ architecture: 'cifar-resnext', activation: 'relu' }),
  resnest: read({ architecture: 'resnest', activation: 'silu' }),
  // ImageNet
  'tv-resnet': read({ architecture: 'imagenet-resnet', activation: 'relu', stride: 'conv2' }),
  'ra-wrn-imagenet': read({ architecture: 'ra-wide-resnet-imagenet' }),
  alexnet: read({ architecture: 'alexnet' }),
  xcit: read({ architecture: 'xcit' }),
  vit: read({ architecture: 'vit' }),
  'vit-convstem': read({ architecture: 'vit' }),
  convnext: read({ architecture: 'convnext' }),
  'convnext-convstem': read({ architecture: 'convnext' }),
  swin: read({ architecture: 'swin' }),
  'swin-eps6': read({ architecture: 'swin', epsilon: 1e-6 }),
  // Several models in one
  'ensemble-preact': refused('it is the mean of three networks in three files'),
  'ensemble-lrr': refused('it is the mean of six networks in six files'),
  'ensemble-binary': refused('it is the mean of six networks in six files'),
  'adaptive-mixture': refused('a third network mixes two others image by image, in three files'),
  'mixed-nuts': refused('it mixes the hard decisions of one model with another, and has another graph for gradients'),
  'neural-ode': refused('its last layers are a differential equation, solved in steps that depend on the image'),
};
