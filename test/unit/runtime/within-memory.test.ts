import { describe, expect, test } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { float32, sizeOf, type TypedTensor } from '../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import type { Model } from '../../../src/onnx/graph.ts';
import type { Runtime } from '../../../src/onnx/runtime.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { withinMemory } from '../../../src/runtime/within-memory.ts';

const FULL =
  "onnxruntime failed: Non-zero status code returned while running Conv node. Name:'conv1' Status Message: " +
  'BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 4294967296';

interface Device {
  readonly runtime: Runtime;
  /** Images of each run that was tried. */
  readonly tried: number[];
}

/** The CPU, with memory for so many images at once. */
function deviceFor(images: number, message = FULL, largest = Number.POSITIVE_INFINITY): Device {
  const tried: number[] = [];
  const cpu = onnxRuntime({ threads: 1 });
  const createSession: Runtime['createSession'] = async (model) => {
    const session = await cpu.createSession(model);
    return {
      usage: session.usage,
      release: () => session.release(),
      run: async (feeds, outputs) => {
        const count = feeds.x!.dims[0]!;
        tried.push(count);
        if (count > images) throw new RunError(message);
        return session.run(feeds, outputs);
      },
    };
  };
  return { runtime: withinMemory({ ...cpu, createSession }, () => largest), tried };
}

/** Of images x [N, 4], noise [N, 3, 4] and views [2N, 4]: y = sum of x, its noise and its two views, times a weight for all. */
function model(): Model {
  const builder = new GraphBuilder();
  builder.input('x', [{ batch: 1 }, 4]);
  builder.input('noise', [{ batch: 1 }, 3, 4]);
  builder.input('views', [{ batch: 2 }, 4]);
  builder.input('weight', [1, 4]);
  const noisy = builder.op('Add', ['x', builder.op('ReduceSum', ['noise', builder.ints([1])], { keepdims: 0 })]);
  const pairs = builder.op('Reshape', ['views', builder.ints([-1, 2, 4])]);
  const all = builder.op('Add', [noisy, builder.op('ReduceSum', [pairs, builder.ints([1])], { keepdims: 0 })]);
  return builder.build([builder.op('Mul', [all, 'weight'], {}, { outputs: ['y'] })], 'sums');
}

const counted = (...dims: number[]): TypedTensor<'float32'> =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, (_, i) => Math.fround(Math.sin(i))),
  );

const feedsFor = (images: number) => ({
  x: counted(images, 4),
  noise: counted(images, 3, 4),
  views: counted(2 * images, 4),
  weight: counted(1, 4),
});

describe('a batch that a device has no memory for', () => {
  test('is halved until it fits, and the session remembers', async () => {
    const { runtime, tried } = deviceFor(5);
    const session = await runtime.createSession(model());
    const whole = await onnxRuntime({ threads: 1 }).createSession(model());
    const feeds = feedsFor(11);
    const expected = (await whole.run(feeds)).y!;
    const found = (await session.run(feeds)).y!;
    expect(found.dims).toEqual([11, 4]);
    expect(found.data).toEqual(expected.data);
    expect(tried).toEqual([11, 6, 3, 3, 3, 2]);
    tried.length = 0;
    expect((await session.run(feedsFor(6))).y!.data).toEqual((await whole.run(feedsFor(6))).y!.data);
    expect(tried).toEqual([3, 3]);
    // What fits is not cut.
    await session.run(feedsFor(2));
    expect(tried).toEqual([3, 3, 2]);
    await Promise.all([session.release(), whole.release()]);
  });

  test.each([
    'CUDA failure 2: out of memory ; GPU=0',
    'CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0',
    'WebGPU device error(2): Out of memory',
    'Buffer size (3185049600) exceeds the max buffer size limit (1073741824)',
  ])('as it says by "%s"', async (message) => {
    const { runtime, tried } = deviceFor(2, message);
    const session = await runtime.createSession(model());
    await session.run(feedsFor(4));
    expect(tried).toEqual([4, 2, 2]);
    await session.release();
  });

  test('is an error that says what to do where it is of one image', async () => {
    const { runtime, tried } = deviceFor(0);
    const session = await runtime.createSession(model());
    await expect(session.run(feedsFor(3))).rejects.toThrow(
      /Failed to allocate memory.*does not hold the model on one image: .*--workers 1.*--device/s,
    );
    expect(tried).toEqual([3, 2, 1]);
    await session.release();
  });
});

test('a batch beyond what the device computes right is never tried', async () => {
  const { runtime, tried } = deviceFor(100, FULL, 4);
  const session = await runtime.createSession(model());
  await session.run(feedsFor(9));
  expect(tried).toEqual([4, 4, 1]);
  await session.release();
});

test('another error is passed on as it is', async () => {
  const { runtime, tried } = deviceFor(1, 'onnxruntime failed: the device was lost');
  const session = await runtime.createSession(model());
  await expect(session.run(feedsFor(4))).rejects.toThrow(/^onnxruntime failed: the device was lost$/);
  expect(tried).toEqual([4]);
  await session.release();
});

test('a graph whose output is of all images is not computed in parts', async () => {
  const builder = new GraphBuilder();
  builder.input('x', [{ batch: 1 }, 4]);
  const mean = builder.op('ReduceMean', ['x', builder.ints([0])], { keepdims: 0 }, { outputs: ['mean'] });
  const { runtime, tried } = deviceFor(2);
  const session = await runtime.createSession(builder.build([mean], 'mean'));
  await expect(session.run({ x: counted(4, 4) })).rejects.toThrow(
    'graph "mean" is to be computed on 4 images at once, and the device takes 2: compute on another device',
  );
  expect(tried).toEqual([4]);
  await session.release();
});
