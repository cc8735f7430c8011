import type { Activation, ModelOptions } from '../model-options.ts';

/** How the files of a zoo's models are read where their weights do not tell, or why they are refused. */
export type ZooNetwork =
  | {
      readonly kind: 'read';
      readonly model: ModelOptions;
      /** The keys, joined by dots, that lead to the state dict, where a file holds several. */
      readonly stateDict?: string;
      /** The parts of "igd join" that make one checkpoint of its files M0, M1, ..., where they are no ensemble's. */
      readonly join?: string;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Epsilon of every BatchNorm, and of every LayerNorm but Swin's. */
const BATCH_NORM = { epsilon: 1e-5 } as const;
const LAYER_NORM = { layerNormEpsilon: 1e-6 } as const;

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

/** Behind a fixed spread of the score, its bias, the range of the share, and scales of the logits: get_composite_model. */
function adaptiveMixture(numbers: string): ZooNetwork {
  const parts = 'models.0=M0 models.1=M1 policy_net=M2#model bn=M2#bn gamma_scale=2';
  return { kind: 'read', model: { architecture: 'adaptive-mixture', activation: 'silu' }, join: `${parts} ${numbers}` };
}

/** The share, and the transformation of logits: optimal_spca.yaml. */
function mixedNuts(alpha: number, scale: number, power: number, bias: number): ZooNetwork {
  const numbers = `_alpha=${alpha} rob_map.scale=${scale} rob_map.power=${power} rob_map.clamp_bias=${bias}`;
  return { kind: 'read', model: { architecture: 'mixed-nuts' }, join: `std_model=M0 rob_model=M1 ${numbers}` };
}

function transformer(architecture: string, rest: ModelOptions = {}): ZooNetwork {
  return read({ architecture, activation: 'gelu', ...LAYER_NORM, ...rest });
}

function refused(reason: string): ZooNetwork {
  return { kind: 'refused', reason };
}

/** The networks that the tables name in their third column: facts of RobustBench's robustbench/model_zoo/architectures. */
export const ZOO_NETWORKS: Readonly<Record<string, ZooNetwork>> = {
  // CIFAR
  wrn: convolutional('wide-resnet', 'relu', { head: 'linear', shortcut: 'activated' }),
  'wrn-cosine': convolutional('wide-resnet', 'relu', { head: 'cosine', scale: 1, shortcut: 'activated' }),
  // Its activation has parameters, which the file holds.
  'wrn-pssilu': read({ architecture: 'wide-resnet', head: 'linear', shortcut: 'activated', ...BATCH_NORM }),
  'dm-wrn': convolutional('dm-wide-resnet', 'silu', { head: 'linear', shortcut: 'activated' }),
  'robust-wrn': convolutional('robust-wide-resnet', 'relu', { head: 'linear', shortcut: 'activated' }),
  'wrn-a4': convolutional('robust-resnet', 'silu', { head: 'linear', shortcut: 'activated' }),
  resnet: convolutional('cifar-resnet', 'relu', { stride: 'conv2' }),
  preact: convolutional('preact-resnet', 'relu', { shortcut: 'activated' }),
  'preact-last': convolutional('preact-resnet', 'relu', { shortcut: 'activated' }, 'last'),
  'preact-raw': convolutional('preact-resnet', 'relu', { shortcut: 'raw' }),
  'preact-raw-last': convolutional('preact-resnet', 'relu', { shortcut: 'raw' }, 'last'),
  'dm-preact': convolutional('dm-preact-resnet', 'silu'),
  lrr: convolutional('cifar-resnet-torchvision', 'relu'),
  binary: convolutional('card-preact-resnet', 'relu'),
  resnext: convolutional('cifar-resnext', 'relu', { stride: 'conv2' }),
  resnest: convolutional('resnest', 'silu', { stem: 'stride-1' }),
  'cifar-xcit': transformer('xcit', { ...BATCH_NORM, patch: 4, tokensNorm: true }),
  // Several networks in one: of their files, `igd fetch` gets each.
  ensemble: convolutional('ensemble', 'relu', { ensemble: 'probabilities' }),
  // ImageNet
  'tv-resnet': convolutional('imagenet-resnet', 'relu'),
  'tv-resnet-50': convolutional('imagenet-resnet', 'relu', { stride: 'conv2' }),
  'ra-resnet': convolutional('robust-arch-resnet', 'silu'),
  alexnet: read({ architecture: 'alexnet', activation: 'relu' }),
  xcit: transformer('xcit', { ...BATCH_NORM, patch: 16, tokensNorm: true }),
  'vit-s': transformer('vit', { heads: 6, pooling: 'token' }),
  'vit-b': transformer('vit', { heads: 12, pooling: 'token' }),
  convnext: transformer('convnext'),
  swin: transformer('swin', { layerNormEpsilon: 1e-5 }),
  'swin-mimir': transformer('swin'),
  'mixed-nuts-imagenet': mixedNuts(0.9971266414518896, 0.023535468936502525, 2.7142857142857144, -0.2857142857142858),
  // Mixtures for CIFAR
  'adaptive-edm-10': adaptiveMixture('gamma_bias=1.05 alpha_scale=0.04 alpha_bias=0.96 std_scale=1.2 rob_scale=0.3'),
  'adaptive-edm-100': adaptiveMixture('gamma_bias=1.3 alpha_scale=0.15 alpha_bias=0.84 std_scale=2 rob_scale=1'),
  'adaptive-trades': adaptiveMixture('gamma_bias=1 alpha_scale=0.1 alpha_bias=0.815 std_scale=2 rob_scale=1'),
  'mixed-nuts-10': mixedNuts(0.9987500602493457, 5, 4, -1.1),
  'mixed-nuts-100': mixedNuts(0.9860300534207915, 0.6115753843212784, 3.571428571428571, -2.142857142857143),
  // Refused
  'neural-ode': refused('its last layers are a differential equation, solved in steps that depend on the image'),
};
