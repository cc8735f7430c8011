import { float32, sizeOf, type Tensor, type TypedTensor } from '../../numeric/tensor.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Windows } from '../shapes/windows.ts';

/** A convolution, as its adjoint has to know it. */
export interface Convolution {
  /** Name of the filters, [M, C / group, ...kernel]. */
  readonly weight: string;
  readonly group: number;
  readonly windows: Windows;
  /** Spatial sizes of its input. */
  readonly size: readonly number[];
}

/**
 * The adjoint of a convolution: takes the gradient of its output, [N, M, ...], to that of its input, [N, C, ...size].
 *
 * With stride 1 that is a convolution too, by filters that are rearranged here once: it stays in onnxruntime's blocked
 * layout, where ConvTranspose is 1.4 (dense) to 2.8 (depthwise) times slower. With larger strides ConvTranspose is the
 * faster one, or equal: as a convolution per phase, put together by DepthToSpace, a CIFAR ResNet-18 takes as long and
 * an ImageNet one 10% longer (`bench/gradient-ops/index.ts`).
 */
export function adjointConvolution(builder: GraphBuilder, dy: string, convolution: Convolution): string {
  const { weight, group, windows } = convolution;
  const { kernel, strides, dilations, padsBegin, padsEnd } = windows;
  const known = builder.constantOf(weight);
  const reach = kernel.map((taps, axis) => dilations[axis]! * (taps - 1));
  const pads = [padsBegin, padsEnd].flatMap((side) => side.map((pad, axis) => reach[axis]! - pad));
  // A pad beyond the kernel's reach makes windows that see no input; ConvTranspose is able to drop them.
  if (known === undefined || strides.some((stride) => stride > 1) || pads.some((pad) => pad < 0)) {
    return transposed(builder, dy, convolution);
  }
  // By name, so that layers that share their weights share these too.
  const filters = `${weight}/adjoint/${group}`;
  if (!builder.has(filters)) builder.initializer(filters, adjointFilters(known, group));
  return builder.op('Conv', [dy, filters], { pads, dilations, group });
}

/** ConvTranspose is the adjoint by definition; cells that no window covers, or beyond the input, are added or cut. */
function transposed(builder: GraphBuilder, dy: string, { weight, group, windows, size }: Convolution): string {
  const { kernel, strides, dilations, padsBegin, output } = windows;
  const excess = size.map((length, axis) => {
    const covered = strides[axis]! * (output[axis]! - 1) + dilations[axis]! * (kernel[axis]! - 1) + 1;
    return covered - padsBegin[axis]! - length;
  });
  return builder.op('ConvTranspose', [dy, weight], {
    strides,
    dilations,
    group,
    pads: [...padsBegin, ...excess.map((cells) => Math.max(cells, 0))],
    output_padding: excess.map((cells) => Math.max(-cells, 0)),
  });
}

/**
 * Filters of the adjoint: input and output channels change places within each group, and kernels are turned round in
 * every axis, which is their elements backwards.
 *
 * @param weight [M, C / group, ...kernel]
 * @returns [C, M / group, ...kernel]
 */
function adjointFilters(weight: Tensor, group: number): TypedTensor<'float32'> {
  const [filters, depth, ...kernel] = weight.dims as [number, number, ...number[]];
  const source = weight.data as Float32Array;
  const rows = filters / group;
  const window = sizeOf(kernel);
  const result = new Float32Array(source.length);
  let at = 0;
  for (let first = 0; first < filters; first += rows) {
    for (let channel = 0; channel < depth; channel++) {
      for (let row = first; row < first + rows; row++) {
        const from = (row * depth + channel) * window;
        for (let tap = window - 1; tap >= 0; tap--) result[at++] = source[from + tap]!;
      }
    }
  }
  return float32([group * depth, rows, ...kernel], result);
}
