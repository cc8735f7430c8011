import { z } from 'zod';

/** Activations a network may have in all its places. `leaky-relu` has the slope `slope` below zero. */
export const ACTIVATIONS = ['relu', 'leaky-relu', 'silu', 'gelu', 'elu', 'softplus', 'tanh'] as const;
/** One of `relu`, `leaky-relu`, `silu` (Swish), `gelu`, `elu`, `softplus` and `tanh`. */
export type Activation = (typeof ACTIVATIONS)[number];

/**
 * What is done to images in [0, 1] before the first layer, by name: nothing, 2x - 1, (x - mean) / std of each image over
 * its channels and pixels, or (x - mean) / std with the constants that training codes use for a data set.
 */
export const NORMALIZATIONS = ['none', 'symmetric', 'per-image', 'cifar10', 'cifar100', 'imagenet'] as const;
/** One of `none`, `symmetric`, `per-image`, `cifar10`, `cifar100` and `imagenet`. */
export type Normalization = (typeof NORMALIZATIONS)[number];

/**
 * What the weights of a network do not tell, and its user therefore says. Left out, igd takes what the file says (a whole
 * pickled module names its classes), else the architecture's usual, and reports that as assumed.
 */
export const modelOptionsSchema = z.strictObject({
  /** Which of the architectures that igd knows, where the names of the weights fit several. */
  architecture: z.string().min(1).optional(),
  activation: z.enum(ACTIVATIONS).optional(),
  /** Of a leaky ReLU, below zero. */
  slope: z.number().min(0).max(1).optional(),
  /** `checkpoint.normalize` gives mean and standard deviation in numbers instead. */
  normalization: z.enum(NORMALIZATIONS).optional(),
  /** What the projection of a pre-activation block reads: its input behind BatchNorm and activation, or the raw one. */
  shortcut: z.enum(['activated', 'raw']).optional(),
  /** Which convolution of a bottleneck has the stride: `conv1` as in the paper (v1), `conv2` as in torchvision (v1.5). */
  stride: z.enum(['conv1', 'conv2']).optional(),
  /** Stride of a ResNeSt's stem: 1, for small images, or 2 and max pooling behind it. */
  stem: z.enum(['stride-1', 'stride-2']).optional(),
  /** Of every BatchNorm. */
  epsilon: z.number().positive().max(0.1).optional(),
  /** Of every LayerNorm, but for those of a stem of convolutions. */
  layerNormEpsilon: z.number().positive().max(0.1).optional(),
  /** Logits: W a + b, or `scale` times the cosine between the features and each class's weights. */
  head: z.enum(['linear', 'cosine']).optional(),
  /** Of a cosine head. */
  scale: z.number().positive().optional(),
  /** Attention heads of each block of a ViT; the weights of other transformers tell. */
  heads: z.int().positive().optional(),
  /** What a ViT's head reads: the class token, or the mean of the others. */
  pooling: z.enum(['token', 'mean']).optional(),
  /** Pixels of a patch's side where the strides of a stem of convolutions decide it (XCiT). */
  patch: z.int().positive().optional(),
  /** Whether an XCiT's class attention normalises every token behind it, or the class token alone. */
  tokensNorm: z.boolean().optional(),
  /** Of what several networks that decide together take the mean. */
  ensemble: z.enum(['probabilities', 'logits']).optional(),
  /** What is done where the statistics of the BatchNorms contradict how the model is read: it is refused, or the report says so. */
  testimony: z.enum(['refuse', 'flag']).optional(),
});

/** What weights cannot tell: a config's `model`. */
export type ModelOptions = z.infer<typeof modelOptionsSchema>;
