import { RunError } from '../contracts/errors.ts';
import { Session, type SessionOptions } from '../runtime/session.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Half } from './clip.ts';

/** [count, size] row-major. */
export interface Embeddings {
  readonly count: number;
  readonly size: number;
  readonly data: Float32Array;
}

/** Half of a CLIP, ready to run. Native memory is behind it: release it. */
export interface Encoder {
  /** [N, E]: an embedding a row, of any length. */
  readonly encode: (batch: Tensor) => Promise<Embeddings>;
  readonly release: () => Promise<void>;
}

/** Throws RunError or GraphError where onnxruntime refuses the graph. */
export async function openEncoder({ graph, output, feeds }: Half, options: SessionOptions): Promise<Encoder> {
  const session =
    'path' in graph ? await Session.open(graph.path, options) : await Session.create(graph.model, options);
  return {
    encode: async (batch) => {
      const [count = 0] = batch.dims;
      const value = (await session.run(feeds(batch), [output]))[output];
      if (value?.dims.length !== 2 || value.dims[0] !== count)
        throw new RunError(
          `"${output}" is [${value?.dims.join(', ')}] for ${count} inputs: expected an embedding each`,
        );
      return { count, size: value.dims[1] ?? 0, data: value.data };
    },
    release: () => session.release(),
  };
}
