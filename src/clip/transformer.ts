import { type StateDict, type WantedSize, weight } from '../checkpoints/index.ts';
import { float, type GraphBuilder } from '../onnx/builder.ts';
import type { TransformerSize } from './sizes.ts';

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
export function appendTransformer(parts: Parts, x: string, size: TransformerSize, length: number, mask?: string) {
  let h = x;
  for (let layer = 0; layer < size.layers; layer++) {
    const block = `${size.module}.resblocks.${layer}`;
    const attended = attention(parts, layerNorm(parts, h, `${block}.ln_1`, size.width), block, size, length, mask);
    h = parts.graph.op('Add', [h, attended]);
    h = parts.graph.op('Add', [h, mlp(parts, layerNorm(parts, h, `${block}.ln_2`, size.width), block, size.width)]);
  }
  return h;
}

export function layerNorm({ graph, state }: Parts, x: string, module: string, width: number): string {
  const inputs = ['weight', 'bias'].map((name) => parameter({ graph, state }, `${module}.${name}`, [width]));
  return graph.op('LayerNormalization', [x, ...inputs], { axis: -1, epsilon: float(LAYER_NORM_EPSILON) });
}

/** A weight as an initializer of its own name. */
export function parameter({ graph, state }: Parts, name: string, dims: readonly WantedSize[]): string {
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
