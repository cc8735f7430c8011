import type { SessionOptions } from '../runtime/session.ts';
import type { Encoder } from './encoder.ts';

/** Where a CLIP is: one file with both encoders (OpenAI's weights, or an .onnx), or an .onnx for each. */
export type ClipSpec = { readonly model: string } | { readonly image: string; readonly text: string };

/** A CLIP whose files were opened and found to fit. */
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
  /** Encoder of normalised pixels [N, 3, R, R]. */
  readonly openImages: (session: SessionOptions) => Promise<Encoder>;
  /** Encoder of token ids [N, T], int64, zeros behind the end-of-text token. */
  readonly openTexts: (session: SessionOptions) => Promise<Encoder>;
}
