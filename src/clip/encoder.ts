import { RunError } from '../contracts/errors.ts';
import type { Feeds, Session } from '../runtime/session.ts';
import type { Tensor } from '../tensor/tensor.ts';

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

/** The encoder that reads `output` of a session fed with what `feeds` makes of a batch. */
export function encoderOf(session: Session, output: string, feeds: (batch: Tensor) => Feeds): Encoder {
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
