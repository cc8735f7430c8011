import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { locatedIn } from '../../checkpoints/messages.ts';
import { readCheckpoint } from '../../checkpoints/read-checkpoint.ts';
import { CheckpointError, InputError, messageOf } from '../../errors.ts';
import type { Clip, ClipSpec } from '../../models/clip/clip.ts';
import { clipFromOnnx, type EncoderFile } from '../../models/clip/from-onnx.ts';
import {
  IMAGE_EMBEDDING,
  imageEncoder,
  PIXELS,
  TEXT_EMBEDDING,
  TOKENS,
  textEncoder,
} from '../../models/clip/graphs.ts';
import { clipSizes, describeSizes } from '../../models/clip/sizes.ts';
import { type Tokenizer, tokenizerOf } from '../../models/clip/tokenizer.ts';
import { readOnnx } from './onnx-file.ts';

/** Reads a CLIP. Throws CheckpointError or GraphError where the files are none or do not fit each other. */
export async function openClip(spec: ClipSpec): Promise<Clip> {
  if ('image' in spec)
    return clipFromOnnx({ image: await encoderFile(spec.image), text: await encoderFile(spec.text) });
  if (!spec.model.endsWith('.onnx')) return clipFromCheckpoint(spec.model);
  const both = await encoderFile(spec.model);
  return clipFromOnnx({ image: both, text: both });
}

async function encoderFile(path: string): Promise<EncoderFile> {
  return { path, model: await readOnnx(path) };
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

/** OpenAI's merges are 3 MB, a tokenizer.json has 4: more is another file. */
const LARGEST_TEXT = 2 ** 26;

/** Reads CLIP's tokenizer from a file, gzipped or not; see `tokenizerOf`. Throws InputError where it is none. */
export async function readTokenizer(path: string): Promise<Tokenizer> {
  return tokenizerOf(await readText(path), path);
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return (isGzip ? gunzipSync(bytes, { maxOutputLength: LARGEST_TEXT }) : bytes).toString('utf8');
  } catch (cause) {
    throw new InputError(`cannot read the tokenizer ${path}: ${messageOf(cause)}`, { cause });
  }
}
