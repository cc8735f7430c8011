import { RunError } from '../errors.ts';
import { filled, type TypedTensor } from '../numeric/tensor.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import type { Model } from '../onnx/graph.ts';
import type { Device } from '../schemas/config.ts';

// Whether a device computes in float32, or rounds the factors of products first. TF32 and half precision keep ten bits of a
// mantissa and make of 1 + 2^-12 a 1. In float32 sums of at most 2^10 of them are exact in every order, for they need 22 bits.

const FACTOR = 1 + 2 ** -12;
const CHANNELS = 64;
const INNER = 256;

/** Additions of a convolution of 3 x 3 and of a product of matrices: the two ways to a tensor core. */
const TERMS = { Conv: 9 * CHANNELS, MatMul: INNER } as const;

/** Far more than Winograd's convolutions are off, far less than what rounding to ten bits does. */
const TOLERANCE = 2 ** -14;

/** Large enough for the kernels that real networks get. */
const DIMS = { images: [4, CHANNELS, 18, 18], matrix: [INNER, INNER] } as const;

/** A convolution and a product, of images and a matrix of FACTOR with weights of 1; outputs by op. */
export function precisionModel(): Model {
  const builder = new GraphBuilder();
  const images = builder.input('images', DIMS.images);
  const matrix = builder.input('matrix', DIMS.matrix);
  builder.op(
    'Conv',
    [images, builder.initializer('w', filled([CHANNELS, CHANNELS, 3, 3], 1))],
    {},
    { outputs: ['Conv'] },
  );
  builder.op('MatMul', [matrix, builder.initializer('m', filled([INNER, INNER], 1))], {}, { outputs: ['MatMul'] });
  return builder.build(['Conv', 'MatMul'], 'precision');
}

export function precisionFeeds(): Readonly<Record<'images' | 'matrix', TypedTensor<'float32'>>> {
  return { images: filled(DIMS.images, FACTOR), matrix: filled(DIMS.matrix, FACTOR) };
}

/** Throws RunError where the outputs of that model are not those of float32. */
export function requireFloat32(device: Device, outputs: Readonly<Record<string, ArrayLike<number> | undefined>>): void {
  for (const [op, terms] of Object.entries(TERMS)) {
    const exact = terms * FACTOR;
    const wrong = Array.from(outputs[op] ?? [Number.NaN]).find((value) => !(Math.abs(value / exact - 1) < TOLERANCE));
    if (wrong === undefined) continue;
    const rounded = Math.abs(wrong / terms - 1) < TOLERANCE;
    throw new RunError(
      `${device} does not compute in float32: ${op} of ${terms} terms 1 + 2^-12 gives ${wrong} and not ${exact}` +
        `${rounded ? ', as factors rounded to ten bits do (TF32)' : ''}. ${REMEDIES[device]}`,
    );
  }
}

const REMEDIES: Readonly<Record<Device, string>> = {
  cpu: 'Compute on another machine',
  cuda: 'Set NVIDIA_TF32_OVERRIDE=0 in the environment, or compute on another device (--device, compute.device)',
  webgpu: 'Update the driver of the GPU, or compute on another device (--device, compute.device)',
};
