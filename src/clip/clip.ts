import type { Model } from '../onnx/graph.ts';
import type { Tensor } from '../tensor/tensor.ts';

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
  readonly image: Half;
  /** Of token ids, int64 [N, T], zeros behind the end-of-text token. */
  readonly text: Half;
}

/** The encoder of images or of texts: a graph, and how it is fed and read. */
export interface Half {
  /** A graph of our own, or a file to be run as it is. */
  readonly graph: { readonly model: Model } | { readonly path: string };
  /** Name of the embeddings, float32 [N, E]. */
  readonly output: string;
  readonly feeds: (batch: Tensor) => Readonly<Record<string, Tensor>>;
}
