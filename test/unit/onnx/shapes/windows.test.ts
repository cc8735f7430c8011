import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphError } from '../../../../src/errors.ts';
import { type AttributeLike, GraphBuilder } from '../../../../src/onnx/builder.ts';
import { randomTensor } from '../support/run.ts';
import { expectShapes } from '../support/shapes.ts';

/** Random windows: kernel, strides, dilations, and pads or an auto_pad. */
const windows = fc
  .integer({ min: 1, max: 2 })
  .chain((rank) => {
    const each = (min: number, max: number, count = rank) =>
      fc.array(fc.integer({ min, max }), { minLength: count, maxLength: count });
    return fc.record({
      spatial: each(6, 12),
      kernel: each(1, 3),
      strides: each(1, 3),
      dilations: each(1, 2),
      pads: each(0, 1, 2 * rank),
      auto_pad: fc.constantFrom('NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'),
    });
  })
  .map((window) =>
    window.auto_pad.startsWith('SAME') ? { ...window, dilations: window.spatial.map(() => 1) } : window,
  );

type Windows = typeof windows extends fc.Arbitrary<infer T> ? T : never;

function attributesOf({ kernel, strides, dilations, pads, auto_pad }: Windows): Record<string, AttributeLike> {
  return { kernel_shape: kernel, strides, dilations, ...(auto_pad === 'NOTSET' ? { pads } : { auto_pad }) };
}

const RUNS = { seed: 7, numRuns: 80 };

describe('shapes of sliding windows, against onnxruntime', () => {
  it('Conv', () =>
    fc.assert(
      fc.asyncProperty(windows, fc.integer({ min: 1, max: 2 }), async (window, group) => {
        await expectShapes((graph) => {
          const x = graph.input('x', [{ batch: 1 }, 2 * group, ...window.spatial]);
          const weight = graph.initializer('w', randomTensor([4, 2, ...window.kernel], 1));
          return graph.op('Conv', [x, weight], { ...attributesOf(window), group });
        });
      }),
      RUNS,
    ));

  it('ConvTranspose', () =>
    fc.assert(
      fc.asyncProperty(
        windows,
        fc.constantFrom(1, 2),
        fc.constantFrom('none', 'padding', 'shape'),
        async (window, group, extra) => {
          const { spatial, kernel, strides, dilations } = window;
          const attributes = attributesOf({
            ...window,
            pads: window.pads.map((pad, axis) => Math.min(pad, kernel[axis % kernel.length]! - 1)),
          });
          if (extra === 'padding') attributes.output_padding = strides.map((stride) => stride - 1);
          // A shape that leaves a pad of one, where the kernel has room for it.
          if (extra === 'shape')
            attributes.output_shape = spatial.map(
              (size, axis) => strides[axis]! * (size - 1) + Math.max(1, dilations[axis]! * (kernel[axis]! - 1)),
            );
          await expectShapes((graph) => {
            const x = graph.input('x', [{ batch: 1 }, 2 * group, ...spatial]);
            const weight = graph.initializer('w', randomTensor([2 * group, 3, ...kernel], 1));
            return graph.op('ConvTranspose', [x, weight], { ...attributes, group });
          });
        },
      ),
      RUNS,
    ));

  it.each(['AveragePool', 'MaxPool', 'LpPool'])('%s', (op) =>
    fc.assert(
      fc.asyncProperty(windows, fc.boolean(), fc.boolean(), async (window, ceil, inclusive) => {
        // A pad as wide as the kernel would leave windows without a pixel, which onnxruntime refuses.
        const pads = window.pads.map((pad, axis) => Math.min(pad, window.kernel[axis % window.kernel.length]! - 1));
        const attributes = { ...attributesOf({ ...window, pads }), ceil_mode: Number(ceil) };
        await expectShapes((graph) => {
          const x = graph.input('x', [{ batch: 1 }, 2, ...window.spatial]);
          if (op === 'MaxPool') return graph.ops(op, [x], { attributes, outputs: ['y', 'indices'] });
          return graph.op(
            op,
            [x],
            op === 'AveragePool' ? { ...attributes, count_include_pad: Number(inclusive) } : attributes,
          );
        });
      }),
      RUNS,
    ),
  );

  it('a kernel larger than its input is refused with both sizes', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', [{ batch: 1 }, 3, 4, 4]);
    expect(() => graph.op('MaxPool', [x], { kernel_shape: [5, 5] }, { name: 'big' })).toThrow(
      new GraphError('MaxPool "big": kernel [5, 5] is larger than its padded input [4, 4]'),
    );
  });
});
