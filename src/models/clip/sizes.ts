import type { StateDict } from '../../checkpoints/weights.ts';
import { CheckpointError } from '../../errors.ts';

/** Width of an attention head in every CLIP that OpenAI published. */
const HEAD_WIDTH = 64;

/** A stack of residual attention blocks, `${module}.resblocks.0`, `.1`, ... */
export interface TransformerSize {
  readonly module: string;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
}

/** The sizes of a CLIP with a vision transformer, all of them told by the shapes of its weights. */
export interface ClipSizes {
  /** Pixels of a patch's and of the image's side. */
  readonly patch: number;
  readonly resolution: number;
  readonly vision: TransformerSize;
  /** Tokens of a text, and how many different ones there are. */
  readonly contextLength: number;
  readonly vocabulary: number;
  readonly text: TransformerSize;
  /** Numbers of an embedding, of images as of texts. */
  readonly embedding: number;
}

/**
 * Reads the sizes under the names of OpenAI's state dict: https://github.com/openai/CLIP, clip/model.py, build_model.
 * Throws CheckpointError where this is no CLIP, or one with a ResNet.
 */
export function clipSizes(state: StateDict): ClipSizes {
  requireClip(state);
  const [visionWidth, , , patch] = dimsOf(state, 'visual.conv1.weight', 4);
  const [places] = dimsOf(state, 'visual.positional_embedding', 2);
  const grid = Math.round(Math.sqrt(places - 1));
  if (grid ** 2 + 1 !== places)
    throw new CheckpointError(`"visual.positional_embedding" has ${places} places: not one and a square of patches`);
  const [contextLength, textWidth] = dimsOf(state, 'positional_embedding', 2);
  const [vocabulary] = dimsOf(state, 'token_embedding.weight', 2);
  const [, embedding] = dimsOf(state, 'text_projection', 2);
  return {
    patch,
    resolution: patch * grid,
    vision: transformerSize(state, 'visual.transformer', visionWidth),
    contextLength,
    vocabulary,
    text: transformerSize(state, 'transformer', textWidth),
    embedding,
  };
}

/** "CLIP ViT-B/16": OpenAI's letters stand for the width. */
export function describeSizes({ patch, resolution, vision }: ClipSizes): string {
  const letter = new Map([
    [768, 'B'],
    [1024, 'L'],
  ]).get(vision.width);
  const name = letter === undefined ? `ViT of width ${vision.width}, patch ${patch}` : `ViT-${letter}/${patch}`;
  return `CLIP ${name}, depth ${vision.layers}, ${resolution} pixels`;
}

function requireClip(state: StateDict): void {
  if (state.has('visual.proj') && state.has('text_projection')) return;
  if (state.has('visual.layer1.0.conv1.weight') && state.has('text_projection'))
    throw new CheckpointError('is a CLIP with a ResNet: give one with a vision transformer, or its encoders as .onnx');
  const names = [...state.keys()].slice(0, 3).join(', ');
  throw new CheckpointError(
    `holds no CLIP as OpenAI names its weights (visual.proj, text_projection, ...) but ${names}, ...: ` +
      'give the published ViT-B-16.pt or ViT-B-32.pt, or the image and the text encoder as .onnx',
  );
}

function transformerSize(state: StateDict, module: string, width: number): TransformerSize {
  if (width % HEAD_WIDTH !== 0)
    throw new CheckpointError(`${module} has width ${width}, not a multiple of the heads' ${HEAD_WIDTH}`);
  let layers = 0;
  while (state.has(`${module}.resblocks.${layers}.ln_1.weight`)) layers++;
  if (layers === 0) throw new CheckpointError(`has no weights under "${module}.resblocks.0"`);
  return { module, width, heads: width / HEAD_WIDTH, layers };
}

type Dims = { 2: [number, number]; 4: [number, number, number, number] };

function dimsOf<R extends keyof Dims>(state: StateDict, name: string, rank: R): Dims[R] {
  const dims = state.get(name)?.dims;
  if (dims?.length === rank) return [...dims] as Dims[R];
  const found = dims === undefined ? 'is missing' : `is [${dims.join(', ')}]`;
  throw new CheckpointError(`weight "${name}" ${found}: expected ${rank} dimensions`);
}
