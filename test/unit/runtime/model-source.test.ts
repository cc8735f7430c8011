import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { float32 } from '../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../src/onnx/builder.ts';
import { modelSource } from '../../../src/runtime/model-source.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';

let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'igd-test-'));
  vi.stubEnv('TMPDIR', scratch);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true });
});

/** x [N, n] times a matrix of n x n. */
function linear(n: number) {
  const matrix = float32(
    [n, n],
    Float32Array.from({ length: n * n }, (_, i) => i / 7),
  );
  const builder = new GraphBuilder();
  builder.input('x', [{ batch: 1 }, n]);
  const inputs = ['x', builder.initializer('matrix', matrix)];
  return { model: builder.build([builder.op('MatMul', inputs, {}, { outputs: ['y'] })]), matrix };
}

it('writes large weights into files, until they are discarded', () => {
  const { model, matrix } = linear(200);
  const source = modelSource(model, 160_000);
  if (!('folder' in source.weights)) throw new Error('no folder');
  const { folder } = source.weights;
  expect(readdirSync(join(folder, 'weights'))).toEqual(['0']);
  expect(readFileSync(join(folder, 'weights/0')).equals(Buffer.from(matrix.data.buffer))).toBe(true);
  source.discard();
  expect(existsSync(folder)).toBe(false);
  source.discard();
});

it('keeps small ones in memory', () => {
  const { model, matrix } = linear(200);
  const { weights } = modelSource(model, 160_001);
  expect(weights).toMatchObject({ externalData: [{ path: 'weights/0', data: { buffer: matrix.data.buffer } }] });
  expect(readdirSync(scratch)).toEqual([]);
});

it('keeps them in memory where no file can be written, and leaves none behind', () => {
  const { model } = linear(200);
  vi.stubEnv('TMPDIR', join(scratch, 'missing'));
  expect(modelSource(model, 0).weights).toHaveProperty('externalData');
  mkdirSync(join(scratch, 'missing'));
  writeFileSync(join(scratch, 'missing/file'), '');
  vi.stubEnv('TMPDIR', join(scratch, 'missing/file'));
  expect(modelSource(model, 0).weights).toHaveProperty('externalData');
  expect(readdirSync(scratch)).toEqual(['missing']);
});

it('computes with weights in files, which are gone once the session is there', async () => {
  // 67 MB: what a session puts into files by itself.
  const { model, matrix } = linear(4096);
  const created = onnxRuntime({ threads: 1 }).createSession(model);
  expect(readdirSync(scratch)).toHaveLength(1);
  const session = await created;
  expect(readdirSync(scratch)).toEqual([]);
  const x = float32([1, 4096], new Float32Array(4096));
  x.data[5] = 1;
  const { y } = await session.run({ x });
  await session.release();
  expect(y!.data).toEqual(matrix.data.slice(5 * 4096, 6 * 4096));
});

it('removes the files of a graph that is refused', async () => {
  const { model } = linear(4096);
  const [node] = model.graph.nodes;
  const odd = { ...model, graph: { ...model.graph, nodes: [{ ...node!, op: 'NoSuchOp' }] } };
  await expect(onnxRuntime({ threads: 1 }).createSession(odd)).rejects.toThrow('could not load graph "igd"');
  expect(readdirSync(scratch)).toEqual([]);
});
