import { readCheckpoint } from '../checkpoints/index.ts';
import { locatedIn } from '../checkpoints/messages.ts';
import { CheckpointError } from '../contracts/errors.ts';
import type { Model } from '../onnx/graph.ts';
import { Session, type SessionOptions } from '../runtime/session.ts';
import type { Clip, ClipSpec } from './clip.ts';
import { type Encoder, encoderOf } from './encoder.ts';
import { IMAGE_EMBEDDING, imageEncoder, PIXELS, TEXT_EMBEDDING, TOKENS, textEncoder } from './graphs.ts';
import { clipFromOnnx } from './onnx.ts';
import { clipSizes, describeSizes } from './sizes.ts';

/** Opens a CLIP. Throws CheckpointError or GraphError where the files are none or do not fit each other. */
export async function openClip(spec: ClipSpec): Promise<Clip> {
  if ('image' in spec) return clipFromOnnx(spec);
  if (spec.model.endsWith('.onnx')) return clipFromOnnx({ image: spec.model, text: spec.model });
  return clipFromCheckpoint(spec.model);
}

/** OpenAI's weights (a TorchScript archive, as published, or a plain state dict) with graphs of our own. */
async function clipFromCheckpoint(path: string): Promise<Clip> {
  const { state, notes } = await readCheckpoint(path);
  try {
    const sizes = clipSizes(state);
    const [images, texts] = [imageEncoder(state, sizes), textEncoder(state, sizes)];
    return {
      description: describeSizes(sizes),
      resolution: sizes.resolution,
      contextLength: sizes.contextLength,
      vocabulary: sizes.vocabulary,
      notes,
      openImages: (session) => openGraph(images, PIXELS, IMAGE_EMBEDDING, session),
      openTexts: (session) => openGraph(texts, TOKENS, TEXT_EMBEDDING, session),
    };
  } catch (error) {
    throw error instanceof CheckpointError ? locatedIn(path, error) : error;
  }
}

async function openGraph(model: Model, input: string, output: string, options: SessionOptions): Promise<Encoder> {
  return encoderOf(await Session.create(model, options), output, (batch) => ({ [input]: batch }));
}
