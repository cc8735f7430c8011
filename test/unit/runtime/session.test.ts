import { expect, it } from 'vitest';
import { float32 } from '../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { decodeModel, encodeModel, splitModel } from '../../../src/onnx/codec/model.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';

/** x [N, 200] times a matrix of 200 x 100, 80 KB, plus a vector of 400 bytes. */
function linear() {
  const builder = new GraphBuilder();
  builder.input('x', [{ batch: 1 }, 200]);
  const matrix = float32(
    [200, 100],
    Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i)),
  );
  const bias = float32(
    [100],
    Float32Array.from({ length: 100 }, (_, i) => i),
  );
  const inputs = ['x', builder.initializer('matrix', matrix), builder.initializer('bias', bias)];
  return { model: builder.build([builder.op('Gemm', inputs, {}, { outputs: ['y'] })], 'linear'), matrix, bias };
}

it('hands large weights over beside the graph, without copying them, and small ones inside', () => {
  const { model, matrix } = linear();
  const { bytes, weights } = splitModel(model);
  expect(weights.map(({ path, data }) => [path, data.buffer === matrix.data.buffer, data.length])).toEqual([
    ['weights/0', true, 80_000],
  ]);
  expect(bytes.length).toBeLessThan(2_000);
  const beside = new Map(weights.map(({ path, data }) => [path, data]));
  const again = decodeModel(bytes, 'split.onnx', (location) => beside.get(location)!);
  expect(Buffer.from(encodeModel(again)).equals(Buffer.from(encodeModel(model)))).toBe(true);
});

it('computes with them', async () => {
  const { model, matrix, bias } = linear();
  const session = await onnxRuntime({ threads: 1 }).createSession(model);
  const x = float32(
    [1, 200],
    Float32Array.from({ length: 200 }, (_, i) => Math.cos(i)),
  );
  const { y } = await session.run({ x });
  await session.release();
  const wanted = Array.from(bias.data, (shift, column) =>
    x.data.reduce((sum, value, row) => sum + value * matrix.data[row * 100 + column]!, shift),
  );
  for (const [column, value] of wanted.entries()) expect(y!.data[column]).toBeCloseTo(value, 3);
});
