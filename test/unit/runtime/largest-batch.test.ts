import { expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { largestBatch } from '../../../src/runtime/devices/largest-batch.ts';

/** Makes, of [N, 1, side, side], 64 channels of it and then a number of each. */
function model(side: number) {
  const builder = new GraphBuilder();
  builder.input('x', [{ batch: 1 }, 1, side, side]);
  const wide = builder.op('Expand', ['x', builder.ints([1, 64, 1, 1])]);
  const y = builder.op('ReduceMean', [builder.op('Relu', [wide]), builder.ints([2, 3])], { keepdims: 0 });
  return builder.build([y], 'wide');
}

test('WebGPU is given as many images as keep every tensor within 128 MiB', () => {
  // 64 channels of 32 x 32 are 256 KiB an image.
  expect(largestBatch(model(32), 'webgpu')).toBe(512);
  expect(largestBatch(model(33), 'webgpu')).toBe(481);
  expect(largestBatch(model(724), 'webgpu')).toBe(1);
  expect(largestBatch(model(32), 'cuda')).toBe(Number.POSITIVE_INFINITY);
});

test('a tensor of one image that is larger is refused by its node', () => {
  expect(() => largestBatch(model(725), 'webgpu')).toThrow(
    /^webgpu cannot compute Expand "Expand_\d": of one image it makes 129 MiB, and onnxruntime computes right with 128 MiB at most\. .*--device/,
  );
});
