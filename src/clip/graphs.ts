import type { StateDict } from '../checkpoints/index.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { ELEMENT_CODES } from '../onnx/codec-tensors.ts';
import type { Model } from '../onnx/graph.ts';
import type { ClipSizes } from './sizes.ts';
import { appendTransformer, layerNorm, type Parts, parameter } from './transformer.ts';

/** Names of the graphs' inputs and outputs: those of the exports that go round. */
export const PIXELS = 'pixel_values';
export const TOKENS = 'input_ids';
export const IMAGE_EMBEDDING = 'image_embeds';
export const TEXT_EMBEDDING = 'text_embeds';

/**
 * The image encoder: normalised pixels [N, 3, R, R] to embeddings [N, E], not of length 1. Patches and a class token, with
 * their places, through a pre-norm transformer; the class token is projected. Throws CheckpointError naming a weight.
 */
export function imageEncoder(state: StateDict, sizes: ClipSizes): Model {
  const { patch, resolution, vision, embedding } = sizes;
  const graph = new GraphBuilder();
  const parts: Parts = { graph, state };
  const x = graph.input(PIXELS, [{ batch: 1 }, 3, resolution, resolution]);
  const kernel = parameter(parts, 'visual.conv1.weight', [vision.width, 3, patch, patch]);
  const patches = graph.op('Conv', [x, kernel], { kernel_shape: [patch, patch], strides: [patch, patch] });
  const count = (resolution / patch) ** 2;
  const rows = graph.op('Transpose', [graph.reshape(patches, [{ batch: 1 }, vision.width, count])], {
    perm: [0, 2, 1],
  });
  const tokens = graph.op('Concat', [classToken(parts, x, vision.width), rows], { axis: 1 });
  const places = parameter(parts, 'visual.positional_embedding', [count + 1, vision.width]);
  const placed = layerNorm(parts, graph.op('Add', [tokens, places]), 'visual.ln_pre', vision.width);
  const encoded = appendTransformer(parts, placed, vision, count + 1);
  const first = graph.op('Gather', [encoded, graph.ints(0)], { axis: 1 });
  const projection = parameter(parts, 'visual.proj', [vision.width, embedding]);
  const pooled = layerNorm(parts, first, 'visual.ln_post', vision.width);
  graph.op('MatMul', [pooled, projection], {}, { outputs: [IMAGE_EMBEDDING] });
  return graph.build([IMAGE_EMBEDDING], 'CLIP image encoder');
}

/**
 * The text encoder: token ids [N, T] to embeddings [N, E], not of length 1. A token sees those before it; the state at the
 * end-of-text token, the highest id there is, is projected. Throws CheckpointError naming a weight.
 */
export function textEncoder(state: StateDict, sizes: ClipSizes): Model {
  const { contextLength: length, vocabulary, text, embedding } = sizes;
  const graph = new GraphBuilder();
  const parts: Parts = { graph, state };
  const ids = graph.input(TOKENS, [{ batch: 1 }, length], 'int64');
  const words = graph.op('Gather', [parameter(parts, 'token_embedding.weight', [vocabulary, text.width]), ids]);
  const placed = graph.op('Add', [words, parameter(parts, 'positional_embedding', [length, text.width])]);
  const encoded = appendTransformer(parts, placed, text, length, graph.constant(causalMask(length), [length, length]));
  // As floats, which hold every id exactly: not every execution provider has ArgMax of integers.
  const values = graph.op('Cast', [ids], { to: ELEMENT_CODES.float32 });
  const end = graph.op('Unsqueeze', [graph.op('ArgMax', [values], { axis: 1, keepdims: 0 }), graph.ints([1])]);
  const pooled = layerNorm(parts, graph.op('GatherND', [encoded, end], { batch_dims: 1 }), 'ln_final', text.width);
  const projection = parameter(parts, 'text_projection', [text.width, embedding]);
  graph.op('MatMul', [pooled, projection], {}, { outputs: [TEXT_EMBEDDING] });
  return graph.build([TEXT_EMBEDDING], 'CLIP text encoder');
}

/** The learnt token that stands for the whole image, once an image: [N, 1, width]. */
function classToken(parts: Parts, images: string, width: number): string {
  const { graph } = parts;
  const token = graph.reshape(parameter(parts, 'visual.class_embedding', [width]), [1, 1, width]);
  const batch = graph.op('Slice', [graph.op('Shape', [images]), graph.ints([0]), graph.ints([1])]);
  return graph.op('Expand', [token, graph.op('Concat', [batch, graph.ints([1, width])], { axis: 0 })]);
}

/** [T, T]: 0 for tokens up to the one in hand, minus infinity for those behind it. */
function causalMask(length: number): Float32Array {
  return Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? Number.NEGATIVE_INFINITY : 0,
  );
}
