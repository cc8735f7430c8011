import { join } from 'node:path';
import { afterEach, describe, expect, it, test } from 'vitest';
import { readCheckpoint } from '../../../src/checkpoints/read-checkpoint.ts';
import { fullMasks } from '../../../src/defense/mask-set.ts';
import type { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import { type Classifier, layerOf } from '../../../src/models/classifier.ts';
import { classifierFromCheckpoint } from '../../../src/models/from-checkpoint.ts';
import { float32 } from '../../../src/numeric/tensor.ts';
import type { ModelOptions } from '../../../src/schemas/model-options.ts';
import { type DefenseCase, modelOf, streams } from '../../support/models.ts';
import {
  type Changes,
  LABELS,
  TRANSFORMER_CASES,
  TRANSFORMER_FIXTURES,
  transformerImages,
  transformerOf,
  transformerTruth,
} from '../../support/transformer-cases.ts';

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Largest absolute difference, by the largest value. */
function error(values: Float32Array, expected: Float32Array): number {
  expect(values.length).toBe(expected.length);
  return largest(values.map((value, i) => value - expected[i]!)) / largest(expected);
}

const released: OnnxModel[] = [];
afterEach(async () => {
  await Promise.all(released.splice(0).map((model) => model.release()));
});

async function logitsOf(classifier: Classifier, defense?: DefenseCase): Promise<Float32Array> {
  const model = modelOf(classifier, defense);
  released.push(model);
  return model.logits(transformerImages(classifier.imageShape[1]), streams(2));
}

describe('transformers and ConvNeXts that PyTorch made', () => {
  // float32 against float64: the largest seen is 1.2e-6.
  it.each(Object.keys(TRANSFORMER_CASES))('%s: logits and gradient', async (name) => {
    const model = modelOf(await transformerOf(name));
    released.push(model);
    const x = transformerImages(TRANSFORMER_CASES[name]!.size);
    expect(error(await model.logits(x, streams(2)), transformerTruth(`${name}.logits`))).toBeLessThan(1e-5);
    const { gradient } = await model.gradient('ce', { x, labels: LABELS }, streams(2));
    expect(error(gradient, transformerTruth(`${name}.gradient`))).toBeLessThan(1e-5);
  });
});

describe('layers of transformers', () => {
  test.each([
    ['vit', { 'blocks.0': [17, 16], 'blocks.1': [17, 16], norm: [17, 16], features: [16] }, 16],
    ['xcit-patch4', { 'blocks.0': [64, 16], 'blocks.1': [64, 16], norm: [65, 16], features: [16] }, 16],
    ['swin', { 'layers.0': [8, 8, 8], 'layers.1': [4, 4, 16], norm: [4, 4, 16], features: [16] }, 16],
    ['convnext', { 'stages.0': [4, 8, 8], 'stages.1': [6, 4, 4], 'stages.2': [8, 2, 2], 'stages.3': [8, 1, 1] }, 8],
  ])('%s: blocks and stages, with the units on the right axis', async (name, dims, last) => {
    const { layers } = await transformerOf(name);
    expect(Object.fromEntries(layers.map((layer) => [layer.name, layer.dims]))).toMatchObject(dims);
    for (const { dims, axis, units } of layers) expect(units).toBe(dims[axis]);
    expect(layers.at(-1)).toMatchObject({ name: 'features', units: last });
    expect(layers.filter(({ name }) => name.startsWith('layers')).map(({ axis }) => axis)).toEqual(
      name === 'swin' ? [2, 2] : [],
    );
  });

  test.each([
    ['vit', 'blocks.0'],
    ['xcit', 'norm'],
    ['swin', 'layers.0'],
    ['convnext', 'stages.2'],
  ])('%s: full masks of %s change nothing, and a masked unit does', async (name, layer) => {
    const classifier = await transformerOf(name);
    const { units } = layerOf(classifier, layer);
    const masks = fullMasks(classifier.classes, units);
    const masked = float32(
      masks.dims,
      masks.data.map((value, i) => (i % units === 1 ? 0 : value)),
    );
    const logits = await logitsOf(classifier);
    expect(error(await logitsOf(classifier, { layer, masks }), logits)).toBeLessThan(1e-5);
    expect(error(await logitsOf(classifier, { layer, masks: masked }), logits)).toBeGreaterThan(1e-3);
  });
});

test.each(['vit', 'xcit-patch4', 'swin-old-names', 'convnext-meansparse'])('two of %s decide as one', async (name) => {
  const { file, size, options } = TRANSFORMER_CASES[name]!;
  const checkpoint = await readCheckpoint(join(TRANSFORMER_FIXTURES, file));
  const members = ['models.0.', 'models.1.'].flatMap((prefix) =>
    [...checkpoint.state].map(([key, tensor]) => [prefix + key.replace(/^model\./, ''), tensor] as const),
  );
  const state = new Map(members.filter(([key]) => !key.includes('normalize')));
  const model = {
    ...options,
    ensemble: 'logits',
    normalization: name.endsWith('sparse') ? 'imagenet' : 'none',
  } as const;
  const classifier = classifierFromCheckpoint({ ...checkpoint, state }, { model, imageShape: [3, size, size] });
  expect(error(await logitsOf(classifier), transformerTruth(`${name}.logits`))).toBeLessThan(1e-5);
});

describe('what the weights of transformers do not tell', () => {
  test('is assumed as usual, and said', async () => {
    const reading = async (name: string, model: ModelOptions) =>
      Object.fromEntries(
        (await transformerOf(name, { model })).reading.map(({ key, value, source }) => [key, `${value}, ${source}`]),
      );
    expect(await reading('vit', { heads: undefined })).toEqual({
      normalization: 'none, stated',
      heads: '1, assumed',
      LayerNorm: 'in front of attention and MLP, assumed',
      layerNormEpsilon: '0.000001, assumed',
      activation: 'gelu, assumed',
      pooling: 'token, assumed',
    });
    expect(await reading('xcit-patch4', { patch: undefined, tokensNorm: undefined })).toMatchObject({
      patch: '4, assumed',
      tokensNorm: 'false, assumed',
      epsilon: '0.00001, assumed',
    });
    expect(await reading('swin', {})).toMatchObject({ layerNormEpsilon: '0.00001, assumed' });
    expect(await reading('convnext', {})).toMatchObject({ layerNormEpsilon: '0.000001, assumed' });
  });

  test.each<[string, ModelOptions]>([
    ['vit', { heads: 2 }],
    ['vit', { pooling: 'mean' }],
    ['vit', { activation: 'relu' }],
    ['vit', { layerNormEpsilon: 0.1 }],
    ['xcit', { patch: 8 }],
    ['xcit-patch4', { tokensNorm: false }],
    ['swin', { layerNormEpsilon: 0.1 }],
  ])('%s: stated as %j it is another function', async (name, model) => {
    const [usual, other] = [await transformerOf(name), await transformerOf(name, { model })];
    expect(error(await logitsOf(other), await logitsOf(usual))).toBeGreaterThan(1e-3);
  });

  test('is told by a file that was pickled whole', async () => {
    const read = async (name: string, model: ModelOptions, modules: Changes['modules']) =>
      Object.fromEntries(
        (await transformerOf(name, { model, modules: modules ?? [] })).reading
          .filter(({ source }) => source === 'file')
          .map(({ key, value }) => [key, value]),
      );
    const unsaid = { heads: undefined, patch: undefined, tokensNorm: undefined };
    expect(
      await read('vit', unsaid, [
        ['blocks.0.attn', 'timm.layers.attention.Attention', { num_heads: 4 }],
        ['blocks.0.norm1', 'timm.layers.norm.LayerNorm', { eps: 1e-5 }],
        ['blocks.0.mlp.act', 'torch.nn.modules.activation.GELU', { approximate: 'none' }],
        ['head_drop', 'torch.nn.modules.dropout.Dropout', { p: 0 }],
      ]),
    ).toEqual({ heads: '4', layerNormEpsilon: '0.00001', activation: 'gelu' });
    expect(
      await read('xcit', unsaid, [
        ['patch_embed', 'timm.models.xcit.ConvPatchEmbed', { patch_size: 16 }],
        ['cls_attn_blocks.0', 'timm.models.xcit.ClassAttentionBlock', { tokens_norm: true }],
      ]),
    ).toEqual({ patch: '16', tokensNorm: 'true' });
    const pool = (type: string): Changes['modules'] => [
      ['head.global_pool', 'timm.layers.adaptive_avgmax_pool.SelectAdaptivePool2d', { pool_type: type }],
    ];
    expect(await read('convnext', {}, pool('avg'))).toEqual({});
    await expect(read('convnext', {}, pool('max'))).rejects.toThrow('a SelectAdaptivePool2d with pool_type max');
  });

  test.each([
    ['vit-16px-heads2', 'by its positions', 16],
    ['swin', 'by its last window', 32],
    ['convnext', 'not at all', 224],
  ])('is the image size, where no data tells: %s shows it %s', async (name, _, side) => {
    const { file, options } = TRANSFORMER_CASES[name]!;
    const checkpoint = await readCheckpoint(join(TRANSFORMER_FIXTURES, file));
    expect(classifierFromCheckpoint(checkpoint, { model: options }).imageShape).toEqual([3, side, side]);
  });
});

describe('transformers that do not fit are refused', () => {
  test.each<[string, Changes, RegExp]>([
    ['vit', { size: 64 }, /"pos_embed" has 17 positions, and images of 64 x 64 make 64 patches: .* of 32 x 32/],
    ['vit', { model: { heads: 3 } }, /16 units, no multiple of 3 heads: state model.heads/],
    ['vit', { model: { patch: 4 } }, /has no choice of patch/],
    [
      'vit',
      { tensors: { 'blocks.0.attn.norm.weight': float32([16]) } },
      /does not use: "blocks.0.attn.norm.weight" \[16\]/,
    ],
    ['vit', { tensors: { 'blocks.0.mlp.fc1.weight': float32([32, 8]) } }, /"blocks.0.mlp.fc1.weight" is \[32, 8\]/],
    ['vit', { tensors: { 'norm.bias': undefined } }, /has no weight "norm.bias" \(expected \[16\]\)/],
    ['xcit', { model: { patch: 3 } }, /patches of 3 are none of 1, 2, 4, ... 16/],
    ['swin', { size: 16 }, /windows of 4, and these images make a map of 2 x 2/],
    ['swin', { size: 30 }, /images of 30 x 30 are not whole patches of 4/],
    ['swin-old-names', { size: 64 }, /"absolute_pos_embed" is \[1, 64, 8\]/],
    ['swin', { tensors: { 'layers.0.blocks.1.attn_mask': float32([4, 16, 16]) } }, /attn_mask" .* other windows/],
  ])('%s with %j', async (name, changes, message) => {
    await expect(transformerOf(name, changes)).rejects.toThrow(message);
  });
});
