import { CheckpointError } from '../../errors.ts';
import { float32 } from '../../numeric/tensor.ts';
import type { ImageShape } from '../classifier.ts';
import type { Architecture, Body, NetworkBuilder, WeightNames } from '../network-builder.ts';
import {
  depth,
  lastOf,
  layerNorm,
  linear,
  mapsToTokens,
  meanOfTokens,
  mlp,
  scaled,
  selfAttention,
  token,
  tokens,
  values,
} from '../token-modules.ts';
import { convStem } from './conv-stem.ts';

/**
 * Vision Transformer (Dosovitskiy et al., arXiv:2010.11929) and DeiT (Touvron et al., arXiv:2012.12877) with the module names
 * of timm: https://github.com/huggingface/pytorch-image-models, timm/models/vision_transformer.py and deit.py.
 */
export const visionTransformer: Architecture = {
  name: 'vit',
  imageShape: [3, 224, 224],
  imageShapeOf,
  normalization: 'imagenet',
  usual: () => ({ activation: 'gelu' }),
  recognises: (state) =>
    ['pos_embed', 'blocks.0.attn.qkv.weight', 'blocks.0.mlp.fc1.weight', 'head.weight'].every((name) =>
      state.has(name),
    ),
  build: buildVisionTransformer,
};

/** Of timm's LayerNorms in these networks; torch.nn's own is 1e-5. */
const EPSILON = 1e-6;

/** Units of a head in the published ones: 3 heads of 192 units in all, 6 of 384, 12 of 768, 16 of 1024. */
const USUAL_HEAD = 64;

/** The stem of convolutions halves the image four times, to patches of 16. */
const STEM = { module: 'patch_embed.proj.stem', halvings: 4, patch: 16 } as const;

/** Tokens before those of the patches, in their order. */
const PREFIX = ['cls_token', 'dist_token', 'reg_token'];

function buildVisionTransformer(network: NetworkBuilder, x: string): Body {
  const { tokens: embedded, prefix } = embed(network, x);
  const width = lastOf(network, embedded);
  const heads = network.reading.choose('heads', Math.max(1, Math.round(width / USUAL_HEAD)));
  // timm's ResPostBlock has the same names, and normalises behind.
  network.reading.note('LayerNorm', 'in front of attention and MLP', 'assumed');
  let h = network.has('norm_pre.weight') ? layerNorm(network, embedded, 'norm_pre', EPSILON) : embedded;
  const outputs: Record<string, string> = {};
  for (let i = 0; i < depth(network, 'blocks'); i++) {
    h = block(network, h, `blocks.${i}`, heads);
    outputs[`blocks.${i}`] = h;
  }
  if (network.has('norm.weight')) outputs.norm = h = layerNorm(network, h, 'norm', EPSILON);
  const { logits, features } = classify(network, h, prefix);
  return {
    description: `ViT, ${depth(network, 'blocks')} blocks of width ${width}, heads ${heads}`,
    logits,
    layers: [...network.layers(outputs, 2), ...network.layers({ features }, 1)],
  };
}

/** Patches as tokens behind the tokens that the network has learned, positions added; `prefix` counts the latter. */
function embed(network: NetworkBuilder, x: string): { tokens: string; prefix: number } {
  const patches = mapsToTokens(network, patchesOf(network, x));
  const { graph } = network;
  const [, count, width] = graph.shape(patches) as [unknown, number, number];
  const learned = PREFIX.filter((name) => network.has(name)).map((name) => values(network, name, [1, '*', width]));
  const prefix = learned.reduce((sum, { dims }) => sum + dims[1]!, 0);
  const positions = values(network, 'pos_embed', [1, '*', width]);
  const given = positions.dims[1]!;
  // deit3 and networks with registers have positions for the patches alone.
  if (given !== prefix + count && given !== count) throw unfitting(network, x, given, count);
  const sum = new Float32Array((prefix + count) * width);
  let at = 0;
  for (const { data } of learned) {
    sum.set(data, at);
    at += data.length;
  }
  const first = (prefix + count - given) * width;
  positions.data.forEach((value, i) => {
    sum[first + i]! += value;
  });
  // One constant holds learned tokens and positions: added to patches behind as many zeros, it needs no copy for each image.
  const padded = prefix === 0 ? patches : graph.op('Pad', [patches, graph.ints([0, prefix, 0, 0, 0, 0])]);
  const constant = graph.initializer(network.named('pos_embed'), float32([1, prefix + count, width], sum));
  return { tokens: graph.op('Add', [padded, constant], {}, { outputs: [network.named('embedded')] }), prefix };
}

/** Feature maps [N, C, H, W] of one vector a patch. */
function patchesOf(network: NetworkBuilder, x: string): string {
  if (network.has(`${STEM.module}.0.weight`)) return convStem(network, x, STEM.module, STEM.halvings);
  const patch = patchSize(network.state);
  return network.conv(x, 'patch_embed.proj', { kernel: patch, stride: patch });
}

function patchSize(state: WeightNames): number {
  return state.get('patch_embed.proj.weight')?.dims.at(-1) ?? STEM.patch;
}

/** The images that the positions are for: square ones, of patches that do not overlap. */
function imageShapeOf(state: WeightNames): ImageShape | undefined {
  const given = state.get('pos_embed')?.dims[1] ?? 0;
  const prefix = PREFIX.reduce((sum, name) => sum + (state.get(name)?.dims[1] ?? 0), 0);
  const stem = state.get('patch_embed.proj.weight') ?? state.get(`${STEM.module}.0.weight`);
  const side = [given - prefix, given].map(Math.sqrt).find(Number.isInteger);
  if (side === undefined || stem === undefined) return undefined;
  return [stem.dims[1] ?? 3, side * patchSize(state), side * patchSize(state)];
}

function unfitting(network: NetworkBuilder, x: string, given: number, count: number): CheckpointError {
  const [height, width] = network.graph.shape(x).slice(2);
  const [, side] = imageShapeOf(network.state) ?? [];
  const way = side === undefined ? 'give those it was trained on' : `it is for images of ${side} x ${side}`;
  return new CheckpointError(
    `"pos_embed" has ${given} positions, and images of ${height} x ${width} make ${count} patches: ${way}`,
  );
}

function block(network: NetworkBuilder, x: string, name: string, heads: number): string {
  const normalise = (value: string, which: 'q' | 'k') => {
    const norm = `${name}.attn.${which}_norm`;
    return network.has(`${norm}.weight`) ? layerNorm(network, value, norm, EPSILON) : value;
  };
  const attended = selfAttention(network, layerNorm(network, x, `${name}.norm1`, EPSILON), `${name}.attn`, {
    heads,
    normalise,
  });
  const h = network.add(x, scaled(network, attended, `${name}.ls1.gamma`), `${name}.attn`);
  const inner = mlp(network, layerNorm(network, h, `${name}.norm2`, EPSILON), `${name}.mlp`);
  return network.add(h, scaled(network, inner, `${name}.ls2.gamma`), name);
}

/** Logits of the pooled tokens; a distilled network has two heads on two tokens, and their mean. */
function classify(network: NetworkBuilder, x: string, prefix: number): { logits: string; features: string } {
  const { graph } = network;
  if (network.has('head_dist.weight')) {
    const features = token(network, x, 0);
    const both = [linear(network, features, 'head'), linear(network, token(network, x, 1), 'head_dist')];
    return { features, logits: graph.op('Mul', [graph.op('Add', both), graph.constant(0.5)]) };
  }
  const hasNorm = network.has('fc_norm.weight');
  const pooled = pool(network, x, prefix, hasNorm);
  const features = hasNorm ? layerNorm(network, pooled, 'fc_norm', EPSILON) : pooled;
  return { features, logits: linear(network, features, 'head') };
}

/** The class token, or the mean of the patches: the only way without a class token, the usual one before `fc_norm`. */
function pool(network: NetworkBuilder, x: string, prefix: number, hasNorm: boolean): string {
  const byToken = network.has('cls_token') && network.reading.choose('pooling', hasNorm ? 'mean' : 'token') === 'token';
  if (byToken) return token(network, x, 0);
  return meanOfTokens(network, prefix === 0 ? x : tokens(network, x, prefix));
}
