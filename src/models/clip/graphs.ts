import { type StateDict, type WantedSize, weight } from '../../checkpoints/weights.ts';
import { float, GraphBuilder } from '../../onnx/builder.ts';
import { ELEMENT_CODES } from '../../onnx/element-types.ts';
import type { Model } from '../../onnx/graph.ts';
import type { ClipSizes, TransformerSize } from './sizes.ts';

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

/** Epsilon of torch.nn.LayerNorm. */
const LAYER_NORM_EPSILON = 1e-5;
/** OpenAI's approximation of GELU: x sigmoid(1.702 x). https://github.com/openai/CLIP, clip/model.py, QuickGELU */
const QUICK_GELU = 1.702;

/** A graph in the making, and the weights it takes. */
export interface Parts {
  readonly graph: GraphBuilder;
  readonly state: StateDict;
}

/** Appends the blocks to x [N, T, width]. `mask` [T, T] is added to the attention's logits. */
function appendTransformer(parts: Parts, x: string, size: TransformerSize, length: number, mask?: string) {
  let h = x;
  for (let layer = 0; layer < size.layers; layer++) {
    const block = `${size.module}.resblocks.${layer}`;
    const attended = attention(parts, layerNorm(parts, h, `${block}.ln_1`, size.width), block, size, length, mask);
    h = parts.graph.op('Add', [h, attended]);
    h = parts.graph.op('Add', [h, mlp(parts, layerNorm(parts, h, `${block}.ln_2`, size.width), block, size.width)]);
  }
  return h;
}

function layerNorm({ graph, state }: Parts, x: string, module: string, width: number): string {
  const inputs = ['weight', 'bias'].map((name) => parameter({ graph, state }, `${module}.${name}`, [width]));
  return graph.op('LayerNormalization', [x, ...inputs], { axis: -1, epsilon: float(LAYER_NORM_EPSILON) });
}

/** A weight as an initializer of its own name. */
function parameter({ graph, state }: Parts, name: string, dims: readonly WantedSize[]): string {
  return graph.has(name) ? name : graph.initializer(name, weight(state, name, dims));
}

/** torch.nn.MultiheadAttention of x with itself, [N, T, width]. */
function attention(parts: Parts, x: string, block: string, size: TransformerSize, length: number, mask?: string) {
  const { graph } = parts;
  const { width, heads } = size;
  const packed = linear(parts, x, `${block}.attn.in_proj_weight`, `${block}.attn.in_proj_bias`, [3 * width, width]);
  const [q = '', k = '', v = ''] = graph.ops('Split', [packed], {
    attributes: { axis: 2, num_outputs: 3 },
    outputs: ['q', 'k', 'v'].map((part) => `${block}.${part}`),
  });
  const perHead = (value: string, perm: readonly number[]) =>
    graph.op('Transpose', [graph.reshape(value, [{ batch: 1 }, length, heads, width / heads])], { perm });
  const scaled = graph.op('Mul', [perHead(q, [0, 2, 1, 3]), graph.constant(Math.sqrt(heads / width))]);
  const products = graph.op('MatMul', [scaled, perHead(k, [0, 2, 3, 1])]);
  const logits = mask === undefined ? products : graph.op('Add', [products, mask]);
  const mixed = graph.op('MatMul', [graph.op('Softmax', [logits], { axis: -1 }), perHead(v, [0, 2, 1, 3])]);
  const joined = graph.reshape(graph.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), [{ batch: 1 }, length, width]);
  return linear(parts, joined, `${block}.attn.out_proj.weight`, `${block}.attn.out_proj.bias`, [width, width]);
}

function mlp(parts: Parts, x: string, block: string, width: number): string {
  const { graph } = parts;
  const hidden = linear(parts, x, `${block}.mlp.c_fc.weight`, `${block}.mlp.c_fc.bias`, ['*', width]);
  const gate = graph.op('Sigmoid', [graph.op('Mul', [hidden, graph.constant(QUICK_GELU)])]);
  const active = graph.op('Mul', [hidden, gate]);
  return linear(parts, active, `${block}.mlp.c_proj.weight`, `${block}.mlp.c_proj.bias`, [width, '*']);
}

/** x W' + b; onnxruntime transposes the weight once, when it loads the graph. */
function linear(parts: Parts, x: string, name: string, bias: string, dims: readonly WantedSize[]): string {
  const { graph } = parts;
  const transposed = graph.op('Transpose', [parameter(parts, name, dims)], { perm: [1, 0] });
  const width = graph.shape(transposed)[1];
  return graph.op('Add', [
    graph.op('MatMul', [x, transposed]),
    parameter(parts, bias, [typeof width === 'number' ? width : '*']),
  ]);
}
