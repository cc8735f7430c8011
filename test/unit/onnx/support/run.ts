import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { type ElementType, float32, int64, sizeOf, type Tensor } from '../../../../src/numeric/tensor.ts';
import { encodeModel } from '../../../../src/onnx/codec/model.ts';
import { type Dim, isBatch, type Model } from '../../../../src/onnx/graph.ts';

/** A small generator of reproducible numbers (mulberry32), uniform in [0, 1). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A float32 tensor, uniform in [-1, 1). */
export function randomTensor(dims: readonly number[], seed: number) {
  const next = randomNumbers(seed);
  return float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => next() * 2 - 1),
  );
}

/** The dimensions at a batch size. */
export function atBatch(dims: readonly Dim[], batch: number): number[] {
  return dims.map((dim) => (isBatch(dim) ? dim.batch * batch : dim));
}

/** Random values for every input of the model at a batch size; integers and booleans are 0 or 1. */
export function randomFeeds(model: Model, batch: number, seed = 1): Record<string, Tensor> {
  return Object.fromEntries(
    model.graph.inputs.map(({ name, type, dims }, index) => {
      const size = atBatch(dims as readonly Dim[], batch);
      const values = randomTensor(size, seed + index);
      return [
        name,
        type === 'float32'
          ? values
          : ofType(
              type,
              size,
              Array.from(values.data, (value) => Number(value > 0)),
            ),
      ];
    }),
  );
}

function ofType(type: ElementType, dims: readonly number[], values: readonly number[]): Tensor {
  if (type === 'int64') return int64(dims, values);
  if (type === 'bool') return { type, dims, data: Uint8Array.from(values) };
  throw new Error(`no random ${type}`);
}

/** What onnxruntime gives for every output, with its optimiser off: the model is run as it is written. */
export async function runOrt(
  model: Model | Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const bytes = model instanceof Uint8Array ? model : encodeModel(model);
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  try {
    const inputs = Object.entries(feeds).map(([name, { type, dims, data }]) => [
      name,
      new OrtTensor(type as 'float32', data as Float32Array, dims),
    ]);
    const results = await session.run(Object.fromEntries(inputs));
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => [name, { type, dims, data } as Tensor]),
    );
  } finally {
    await session.release();
  }
}

/** Largest absolute difference; Infinity where one is not a number or the sizes differ. */
export function maxDifference(a: Tensor, b: Tensor): number {
  if (a.dims.join() !== b.dims.join()) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.data.length; i++) {
    const difference = a.data[i] === b.data[i] ? 0 : Math.abs(Number(a.data[i]) - Number(b.data[i]));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
