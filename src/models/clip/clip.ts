import { RunError } from '../../errors.ts';
import type { Tensor } from '../../numeric/tensor.ts';
import type { Model } from '../../onnx/graph.ts';
import type { Runtime } from '../../onnx/runtime.ts';

/** Where a CLIP is: one file with both encoders (OpenAI's weights, or an .onnx), or an .onnx for each. */
export type ClipSpec = { readonly model: string } | { readonly image: string; readonly text: string };

/** A CLIP whose files were read and found to fit. Nothing here runs: `openEncoder` does. */
export interface Clip {
  /** For a reader: "CLIP ViT-B/16, depth 12, 224 pixels". */
  readonly description: string;
  /** Pixels of the side of the images it sees. */
  readonly resolution: number;
  /** Tokens of a text. */
  readonly contextLength: number;
  /** How many token ids there are, where the file tells. */
  readonly vocabulary: number | undefined;
  readonly notes: readonly string[];
  /** Of normalised pixels, float32 [N, 3, R, R]. */
  readonly image: ClipEncoder;
  /** Of token ids, int64 [N, T], zeros behind the end-of-text token. */
  readonly text: ClipEncoder;
}

/** The encoder of images or of texts: a graph, and how it is fed and read. */
export interface ClipEncoder {
  /** A graph of our own, or a file to be run as it is. */
  readonly graph: { readonly model: Model } | { readonly path: string };
  /** Name of the embeddings, float32 [N, E]. */
  readonly output: string;
  readonly feeds: (batch: Tensor) => Readonly<Record<string, Tensor>>;
}

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
export async function openEncoder({ graph, output, feeds }: ClipEncoder, runtime: Runtime): Promise<Encoder> {
  const session = 'path' in graph ? await runtime.loadSession(graph.path) : await runtime.createSession(graph.model);
  return {
    encode: async (batch) => {
      const [count = 0] = batch.dims;
      const value = (await session.run(feeds(batch), [output]))[output];
      if (value?.dims.length !== 2 || value.dims[0] !== count)
        throw new RunError(
          `"${output}" is [${value?.dims.join(', ')}] for ${count} inputs: expected an embedding each`,
        );
      return { count, size: value.dims[1]!, data: value.data };
    },
    release: () => session.release(),
  };
}
