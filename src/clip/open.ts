import { readCheckpoint } from '../checkpoints/index.ts';
import { locatedIn } from '../checkpoints/messages.ts';
import { CheckpointError } from '../contracts/errors.ts';
import type { Clip, ClipSpec } from './clip.ts';
import { IMAGE_EMBEDDING, imageEncoder, PIXELS, TEXT_EMBEDDING, TOKENS, textEncoder } from './graphs.ts';
import { clipFromOnnx } from './onnx.ts';
import { clipSizes, describeSizes } from './sizes.ts';

/** Reads a CLIP. Throws CheckpointError or GraphError where the files are none or do not fit each other. */
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
      image: { graph: { model: images }, output: IMAGE_EMBEDDING, feeds: (pixels) => ({ [PIXELS]: pixels }) },
      text: { graph: { model: texts }, output: TEXT_EMBEDDING, feeds: (tokens) => ({ [TOKENS]: tokens }) },
    };
  } catch (error) {
    throw error instanceof CheckpointError ? locatedIn(path, error) : error;
  }
}
