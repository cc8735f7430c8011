import { expect, test } from 'vitest';
import { float32 } from '../../src/numeric/tensor.ts';
import { type AttributeLike, GraphBuilder } from '../../src/onnx/builder.ts';
import type { Model } from '../../src/onnx/graph.ts';
import { outputOf } from '../../src/onnx/runtime.ts';
import { largestBatch } from '../../src/runtime/devices/largest-batch.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { hasRequirement } from '../support/require.ts';
import { relativeDifference, uniform } from '../unit/onnx/autodiff/support.ts';
import { describeOnWebGpu, runProfiled } from './support.ts';

type Append = (builder: GraphBuilder, x: string) => string;

const op =
  (name: string, attributes: Record<string, AttributeLike> = {}): Append =>
  (builder, x) =>
    builder.op(name, [x], attributes);

/** Ops that read only the first binding of a tensor that has two. */
const READS_PART: Readonly<Record<string, Append>> = {
  Where: (builder, x) =>
    builder.op('Where', [builder.op('Greater', [x, builder.constant(0)]), x, builder.constant(-1)]),
  Pad: (builder, x) => builder.op('Pad', [x, builder.ints([0, 0, 1, 1, 0, 0, 1, 1])]),
  LayerNormalization: (builder, x) =>
    builder.op('LayerNormalization', [x, builder.initializer('scale', uniform('scale', [32]))], { axis: -1 }),
};

/** An op that cannot be computed on one. */
const CONVOLUTION: Append = (builder, x) =>
  builder.op('Conv', [x, builder.initializer('w', uniform('weights', [4, 64, 3, 3]))], { pads: [1, 1, 1, 1] });

/** Of three numbers an image, 64 x 32 x 32: 256 KiB an image; then the op; then the sum of what it gives. */
function model(append: Append): Model {
  const builder = new GraphBuilder();
  const x = builder.input('x', [{ batch: 1 }, 3, 1, 1]);
  const channels = builder.op('Conv', [x, builder.initializer('mix', uniform('mix', [64, 3, 1, 1]))]);
  const wide = builder.op('Mul', [channels, builder.initializer('grid', uniform('grid', [1, 64, 32, 32]))]);
  const y = append(builder, wide);
  const axes = builder.ints(
    builder
      .shape(y)
      .map((_, axis) => axis)
      .slice(1),
  );
  return builder.build([builder.op('ReduceSum', [y, axes], { keepdims: 0 }, { outputs: ['y'] })], 'large');
}

const images = (count: number, first = 0) => {
  const { data } = uniform('x', [640, 3, 1, 1]);
  return { x: float32([count, 3, 1, 1], data.subarray(3 * first, 3 * (first + count))) };
};

describeOnWebGpu('tensors of more than 128 MiB', () => {
  test.each(Object.entries(READS_PART))('%s reads a part of them alone, without a word', async (_, append) => {
    const { y } = (await runProfiled(model(append), images(640), { as: 'written' })).outputs;
    const last = (await runProfiled(model(append), images(64, 576), { as: 'written' })).outputs.y!;
    expect(relativeDifference(y!.subarray(576), last)).toBeGreaterThan(0.01);
  });

  test('Conv fails on them', async () => {
    await expect(runProfiled(model(CONVOLUTION), images(640))).rejects.toThrow('raw_hash_map');
  });

  test.each(
    Object.entries(
      hasRequirement('whole') ? { ...READS_PART, Conv: CONVOLUTION, Relu: op('Relu') } : { Relu: op('Relu') },
    ),
  )('%s is computed on batches that make none, right up to 128 MiB', async (_, append) => {
    const device = await onnxRuntime({ device: 'webgpu' }).createSession(model(append));
    const cpu = await onnxRuntime({ threads: 2 }).createSession(model(append));
    const most = largestBatch(model(append), 'webgpu');
    for (const count of [most, 640]) {
      const [found, expected] = [await device.run(images(count)), await cpu.run(images(count))];
      expect(relativeDifference(outputOf(found, 'y'), outputOf(expected, 'y'))).toBeLessThan(1e-4);
    }
    await Promise.all([device.release(), cpu.release()]);
  });
});
