import type { GraphBuilder } from '../../src/onnx/builder.ts';
import { type Comparison, rule, weights } from './comparison.ts';

interface Layer {
  readonly name: string;
  readonly channels: readonly [number, number];
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  readonly group?: number;
}

const LAYERS: readonly Layer[] = [
  { name: 'Conv 3x3', channels: [64, 64], size: 32, kernel: 3, stride: 1, pad: 1 },
  { name: 'Conv 3x3 depthwise', channels: [96, 96], size: 56, kernel: 3, stride: 1, pad: 1, group: 96 },
  { name: 'Conv 3x3 stride 2, CIFAR', channels: [64, 128], size: 32, kernel: 3, stride: 2, pad: 1 },
  { name: 'Conv 3x3 stride 2, ImageNet', channels: [64, 128], size: 56, kernel: 3, stride: 2, pad: 1 },
  { name: 'Conv 3x3 stride 2, last stage', channels: [256, 512], size: 8, kernel: 3, stride: 2, pad: 1 },
  { name: 'Conv 3x3 stride 2, depthwise', channels: [96, 96], size: 56, kernel: 3, stride: 2, pad: 1, group: 96 },
  { name: 'Conv 1x1 stride 2', channels: [64, 128], size: 32, kernel: 1, stride: 2, pad: 0 },
  { name: 'Conv 7x7 stride 2', channels: [3, 64], size: 224, kernel: 7, stride: 2, pad: 3 },
];

function compareLayer({ name, channels: [depth, filters], size, kernel, stride, pad, group = 1 }: Layer): Comparison {
  const output = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  const filterDims = [filters, depth / group, kernel, kernel];
  const attributes = { strides: [stride, stride], pads: [pad, pad, pad, pad], group };
  const extra = size - (stride * (output - 1) + kernel - 2 * pad);
  return {
    name,
    x: [depth, size, size],
    dy: [filters, output, output],
    forms: {
      rule: rule((builder, x) => builder.op('Conv', [x, weights(builder, filterDims)], attributes)),
      ConvTranspose: (builder, _, dy) =>
        builder.op('ConvTranspose', [dy, weights(builder, filterDims)], {
          ...attributes,
          output_padding: [extra, extra],
        }),
      ...(stride > 1 && {
        'phases, DepthToSpace': (builder, _, dy) =>
          phases(builder, dy, filterDims, { size, output, stride, pad, group }),
      }),
    },
  };
}

/** One stride-1 convolution for each place modulo the stride, of the taps that meet it; weights are not the right ones. */
function phases(
  builder: GraphBuilder,
  dy: string,
  [filters, depth, kernel]: readonly number[],
  { size, output, stride, pad, group }: { size: number; output: number; stride: number; pad: number; group: number },
): string {
  const count = Math.ceil(size / stride);
  const axis = Array.from({ length: stride }, (_, phase) => {
    const taps = Math.max(0, Math.ceil((kernel! - ((phase + pad) % stride)) / stride));
    const shift = Math.floor((phase + pad) / stride);
    return { taps, begin: taps - 1 - shift, end: count - output + shift };
  });
  const parts = axis.flatMap((row) =>
    axis.map((column) => {
      if (row.taps * column.taps === 0) return undefined;
      const filter = weights(builder, [depth! * group, filters! / group, row.taps, column.taps]);
      return builder.op('Conv', [dy, filter], { pads: [row.begin, column.begin, row.end, column.end], group });
    }),
  );
  const made = parts.find((part) => part !== undefined)!;
  const zeros = builder.op('ConstantOfShape', [builder.op('Shape', [made])]);
  const joined = builder.op(
    'Concat',
    parts.map((part) => part ?? zeros),
    { axis: 1 },
  );
  return builder.op('DepthToSpace', [joined], { blocksize: stride });
}

export const CONVOLUTIONS: readonly Comparison[] = LAYERS.map(compareLayer);
