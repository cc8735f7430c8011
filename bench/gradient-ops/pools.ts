import { float } from '../../src/onnx/builder.ts';
import { type Comparison, type Form, type Forward, rule } from './comparison.ts';

/** Compares x with the maximum at each offset of the kernel, the first that is equal taking the gradient. */
function maxByOffset(kernel: number, stride: number, pad: number): Form {
  return (b, x, dy) => {
    const y = b.op('MaxPool', [x], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
    const steps = b.shape(y)[2] as number;
    const count = Math.ceil((stride * steps + kernel) / stride);
    const after = stride * count - pad - (b.shape(x)[2] as number);
    const padded = b.op('Pad', [x, b.ints([0, 0, pad, pad, 0, 0, after, after]), b.constant(-1e30)]);
    const phase = Array.from({ length: stride * stride }, () => [] as string[]);
    let rest = dy;
    for (let offset = 0; offset < kernel * kernel; offset++) {
      const [row, column] = [Math.floor(offset / kernel), offset % kernel];
      const ends = [row, column].map((start) => start + stride * (steps - 1) + 1);
      const inputs = [padded, b.ints([row, column]), b.ints(ends), b.ints([2, 3]), b.ints([stride, stride])];
      const difference = b.op('Abs', [b.op('Sub', [b.op('Slice', inputs), y])]);
      const mask = b.op('HardSigmoid', [difference], { alpha: float(-(2 ** 126)), beta: float(1) });
      const won = b.op('Mul', [rest, mask]);
      rest = b.op('Sub', [rest, won]);
      const [top, left] = [Math.floor(row / stride), Math.floor(column / stride)];
      const place = b.ints([0, 0, top, left, 0, 0, count - steps - top, count - steps - left]);
      phase[(row % stride) * stride + (column % stride)]!.push(b.op('Pad', [won, place]));
    }
    const sums = phase.map((list) => list.reduce((sum, part) => b.op('Add', [sum, part])));
    const whole = b.op('DepthToSpace', [b.op('Concat', sums, { axis: 1 })], { blocksize: stride });
    const size = b.shape(x)[2] as number;
    return b.op('Slice', [whole, b.ints([pad, pad]), b.ints([pad + size, pad + size]), b.ints([2, 3])]);
  };
}

const maxPool =
  (kernel: number, stride: number, pad: number): Forward =>
  (builder, x) =>
    builder.op('MaxPool', [x], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });

export const POOLS: readonly Comparison[] = [
  {
    name: 'MaxPool 3x3 stride 2',
    x: [64, 112, 112],
    dy: [64, 56, 56],
    forms: { rule: rule(maxPool(3, 2, 1)), 'comparison by offset': maxByOffset(3, 2, 1) },
  },
  {
    name: 'MaxPool 2x2',
    x: [64, 32, 32],
    dy: [64, 16, 16],
    forms: { rule: rule(maxPool(2, 2, 0)), 'comparison by offset': maxByOffset(2, 2, 0) },
  },
  {
    name: 'AveragePool 2x2',
    x: [128, 56, 56],
    dy: [128, 28, 28],
    forms: {
      rule: rule((b, x) => b.op('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 2] })),
      Expand: (b, _, dy) => {
        const cells = b.reshape(b.op('Mul', [dy, b.constant(0.25)]), [{ batch: 1 }, 128, 28, 1, 28, 1]);
        return b.reshape(b.op('Expand', [cells, b.ints([1, 1, 1, 2, 1, 2])]), [{ batch: 1 }, 128, 56, 56]);
      },
      'depthwise ConvTranspose': (b, _, dy) =>
        b.op('ConvTranspose', [dy, b.constant(new Float32Array(512).fill(0.25), [128, 1, 2, 2])], {
          strides: [2, 2],
          group: 128,
        }),
    },
  },
  {
    name: 'GlobalAveragePool',
    x: [512, 7, 7],
    dy: [512, 1, 1],
    forms: {
      rule: rule((b, x) => b.op('GlobalAveragePool', [x])),
      Expand: (b, _, dy) => b.op('Expand', [b.op('Mul', [dy, b.constant(1 / 49)]), b.ints([1, 1, 7, 7])]),
    },
  },
];
