import fc from 'fast-check';
import { describe, it } from 'vitest';
import type { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { expectAdjoint, modelOf, uniform, untied } from './support.ts';

/**
 * The defining property of a gradient, <J v, u> = <v, J' u>, for parameters drawn at random. Here J v is exact: the ops
 * are linear in x, or (max pooling) linear as long as v does not change which element wins.
 */
const RUNS = { numRuns: 60, seed: 2024 };

const int = (min: number, max: number) => fc.integer({ min, max });
const pair = (min: number, max: number) => fc.tuple(int(min, max), int(min, max));
const four = (min: number, max: number) => fc.tuple(...[0, 0, 0, 0].map(() => int(min, max)));

function property<T>(name: string, arbitrary: fc.Arbitrary<T>, check: (parameters: T) => Promise<void>): void {
  it(name, () => fc.assert(fc.asyncProperty(arbitrary, check), RUNS));
}

const weights = (builder: GraphBuilder, dims: readonly number[]) =>
  builder.initializer(builder.fresh('weight'), uniform('weights', dims));

const convolutions = fc.record({
  kernel: pair(1, 5),
  strides: fc.oneof(
    pair(1, 3),
    int(1, 3).map((stride) => [stride, stride] as [number, number]),
  ),
  dilations: pair(1, 2),
  pads: four(0, 3),
  group: int(1, 3),
  depth: int(1, 2),
  rows: int(1, 2),
  /** What the input is larger than one window by, in each axis. */
  room: pair(0, 6),
});

/** Sizes of an input that holds one window, and `room` more. */
function inputSize(kernel: readonly number[], dilations: readonly number[], room: readonly number[]) {
  return kernel.map((taps, axis) => dilations[axis]! * (taps - 1) + 1 + room[axis]!);
}

describe('gradients are adjoints, for parameters drawn at random', () => {
  property('Conv', convolutions, async ({ kernel, strides, dilations, pads, group, depth, rows, room }) => {
    const dims = [group * depth, ...inputSize(kernel, dilations, room)];
    const model = modelOf(dims, (builder, x) =>
      builder.op('Conv', [x, weights(builder, [group * rows, depth, ...kernel])], { strides, dilations, pads, group }),
    );
    await expectAdjoint(model, dims);
  });

  property(
    'Conv with auto_pad',
    fc.tuple(convolutions, fc.constantFrom('SAME_UPPER', 'SAME_LOWER', 'VALID')),
    async ([drawn, auto_pad]) => {
      const { kernel, strides, group, depth, rows, room } = drawn;
      const dims = [group * depth, ...inputSize(kernel, [1, 1], room)];
      const model = modelOf(dims, (builder, x) =>
        builder.op('Conv', [x, weights(builder, [group * rows, depth, ...kernel])], { strides, auto_pad, group }),
      );
      await expectAdjoint(model, dims);
    },
  );

  property('ConvTranspose', convolutions, async ({ kernel, strides, dilations, pads, group, depth, rows, room }) => {
    const dims = [group * rows, room[0] + 9, room[1] + 9];
    const output_padding = strides.map((stride) => stride - 1);
    const fitting = pads.map((pad, side) => Math.min(pad, dilations[side % 2]! * (kernel[side % 2]! - 1)));
    const attributes = { strides, dilations, pads: fitting, group, output_padding };
    const model = modelOf(dims, (builder, x) =>
      builder.op('ConvTranspose', [x, weights(builder, [group * rows, depth, ...kernel])], attributes),
    );
    await expectAdjoint(model, dims);
  });

  const pools = fc.record({
    kernel: pair(1, 4),
    strides: pair(1, 3),
    dilations: pair(1, 2),
    pads: four(0, 3),
    room: pair(0, 6),
    ceil_mode: int(0, 1),
    count_include_pad: int(0, 1),
  });

  property('AveragePool', pools, async ({ kernel, strides, pads, room, ceil_mode, count_include_pad }) => {
    const dims = [2, ...inputSize(kernel, [1, 1], room)];
    const fitting = pads.map((pad, side) => Math.min(pad, kernel[side % 2]! - 1));
    const attributes = { kernel_shape: kernel, strides, pads: fitting, ceil_mode, count_include_pad };
    await expectAdjoint(
      modelOf(dims, (builder, x) => builder.op('AveragePool', [x], attributes)),
      dims,
    );
  });

  property('MaxPool', pools, async ({ kernel, strides, dilations, pads, room, ceil_mode }) => {
    const dims = [2, ...inputSize(kernel, dilations, room)];
    const fitting = pads.map((pad, side) => Math.min(pad, kernel[side % 2]! - 1));
    const attributes = { kernel_shape: kernel, strides, dilations, pads: fitting, ceil_mode };
    await expectAdjoint(
      modelOf(dims, (builder, x) => builder.op('MaxPool', [x], attributes)),
      dims,
      untied,
    );
  });

  const cuts = fc.record({ start: int(-9, 9), end: int(-9, 9), step: fc.constantFrom(-3, -2, -1, 1, 2, 3) });

  property('Slice', fc.tuple(cuts, cuts), async (both) => {
    const dims = [2, 5, 6];
    const model = modelOf(dims, (builder, x) => {
      const of = (key: keyof (typeof both)[0]) => builder.ints(both.map((cut) => cut[key]));
      return builder.op('Slice', [x, of('start'), of('end'), builder.ints([2, -1]), of('step')]);
    });
    const isEmpty = model.graph.outputs[0]!.dims!.includes(0);
    if (!isEmpty) await expectAdjoint(model, dims);
  });

  property(
    'Pad',
    fc.tuple(fc.constantFrom('constant', 'reflect', 'edge', 'wrap'), four(-2, 3)),
    async ([mode, pads]) => {
      const dims = [2, 4, 5];
      const counts = mode === 'constant' ? pads : pads.map((count) => Math.max(count, 0));
      const [top, left, bottom, right] = counts as [number, number, number, number];
      const model = modelOf(dims, (builder, x) =>
        builder.op('Pad', [x, builder.ints([0, 0, top, left, 0, 0, bottom, right])], { mode }),
      );
      await expectAdjoint(model, dims);
    },
  );

  property(
    'Gather',
    fc.record({ axis: fc.constantFrom(1, 2, -1), indices: fc.array(int(-4, 3), { minLength: 1, maxLength: 6 }) }),
    async ({ axis, indices }) => {
      const dims = [4, 5];
      const model = modelOf(dims, (builder, x) => builder.op('Gather', [x, builder.ints(indices)], { axis }));
      await expectAdjoint(model, dims);
    },
  );

  const resizes = fc.record({
    mode: fc.constantFrom('nearest', 'linear', 'cubic'),
    coordinates: fc.constantFrom(
      'half_pixel',
      'pytorch_half_pixel',
      'half_pixel_symmetric',
      'align_corners',
      'asymmetric',
    ),
    nearest_mode: fc.constantFrom('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'),
    exclude_outside: int(0, 1),
    from: pair(1, 7),
    scales: fc.tuple(fc.constantFrom(1, 2, 3, 0.5, 1.5, 0.7, 1.3), fc.constantFrom(1, 2, 4, 0.5, 0.25, 2.6)),
  });

  property('Resize', resizes, async ({ mode, coordinates, nearest_mode, exclude_outside, from, scales }) => {
    const dims = [2, ...from];
    if (from.some((size, axis) => Math.floor(size * scales[axis]!) < 1)) return;
    const model = modelOf(dims, (builder, x) =>
      builder.op('Resize', [x, '', builder.constant([1, 1, ...scales])], {
        mode,
        coordinate_transformation_mode: coordinates,
        nearest_mode,
        exclude_outside: mode === 'cubic' ? exclude_outside : 0,
      }),
    );
    await expectAdjoint(model, dims);
  });

  const broadcasts = fc.record({
    op: fc.constantFrom('Add', 'Sub', 'Mul', 'Sum', 'Mean'),
    /** Which axes of x and of the other operand are 1, and how many axes the other lacks. */
    ones: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    others: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    lacking: int(0, 3),
    isFirst: fc.boolean(),
  });

  property('broadcasting', broadcasts, async ({ op, ones, others, lacking, isFirst }) => {
    const dims = [3, 4, 2].map((size, axis) => (ones[axis] ? 1 : size));
    const other = [3, 4, 2].map((size, axis) => (others[axis] ? 1 : size)).slice(lacking);
    const model = modelOf(dims, (builder, x) => {
      const operands = [x, weights(builder, other)];
      return builder.op(op, isFirst ? operands : operands.reverse());
    });
    await expectAdjoint(model, dims);
  });

  property(
    'Reshape, Transpose and Expand',
    fc.tuple(fc.shuffledSubarray([1, 2, 3], { minLength: 3 }), int(1, 3), int(1, 3)),
    async ([order, rows, copies]) => {
      const dims = [2 * rows, 3, 1];
      const model = modelOf(dims, (builder, x) => {
        const turned = builder.op('Transpose', [builder.op('Expand', [x, builder.ints([1, 1, 1, copies])])], {
          perm: [0, ...order],
        });
        return builder.reshape(turned, [{ batch: rows }, 6 * copies]);
      });
      await expectAdjoint(model, dims);
    },
  );

  const products = fc.record({
    rows: int(1, 3),
    inner: int(1, 3),
    columns: int(1, 3),
    stack: int(1, 3),
    repeats: fc.boolean(),
    isFirst: fc.boolean(),
  });

  property('MatMul', products, async ({ rows, inner, columns, stack, repeats, isFirst }) => {
    const own = repeats ? 1 : stack;
    const dims = isFirst ? [own, rows, inner] : [own, inner, columns];
    const model = modelOf(dims, (builder, x) =>
      isFirst
        ? builder.op('MatMul', [x, weights(builder, [stack, inner, columns])])
        : builder.op('MatMul', [weights(builder, [stack, rows, inner]), x]),
    );
    await expectAdjoint(model, dims);
  });
});
