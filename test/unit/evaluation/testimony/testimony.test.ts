import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openDataset } from '../../../../src/datasets/open.ts';
import { normDeviations, type TestimonyImages } from '../../../../src/evaluation/testimony/deviations.ts';
import { testimonyImages } from '../../../../src/evaluation/testimony/images.ts';
import { testify } from '../../../../src/evaluation/testimony/testify.ts';
import { readableOnnx } from '../../../../src/models/from-onnx.ts';
import { statisticsModel } from '../../../../src/models/norm-statistics.ts';
import type { ReadingOptions } from '../../../../src/models/readable.ts';
import { keyedStream } from '../../../../src/numeric/random.ts';
import { sizeOf } from '../../../../src/numeric/tensor.ts';
import { GraphBuilder } from '../../../../src/onnx/builder.ts';
import { openClassifier, openReadable } from '../../../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import type { ModelOptions } from '../../../../src/schemas/model-options.ts';
import { testimonyText } from '../../../../src/schemas/testimony.ts';
import { ROOT } from '../../../support/markdown.ts';
import { describeWithShared } from '../../../support/shared.ts';

const FIXTURES = `${ROOT}test/fixtures/testimony`;
const DEMO = `${ROOT}examples/demo`;
const runtime = onnxRuntime({ threads: 1 });

let images: TestimonyImages;
beforeAll(async () => {
  images = await testimonyImages(await openDataset({ format: 'cifar10', path: `${DEMO}/train.bin`, split: 'train' }));
});

const CHECKPOINTS: Readonly<Record<string, ReadingOptions>> = {
  'resnet-relu': {},
  'resnet-relu-augmented': {},
  'resnet-leaky-relu': { model: { activation: 'leaky-relu', slope: 0.1 } },
  'resnet-silu': { model: { activation: 'silu' } },
  'resnet-silu-adversarial': { model: { activation: 'silu' } },
  'resnet-gelu': { model: { activation: 'gelu' } },
  'resnet-cifar10': { model: { normalization: 'cifar10' } },
  'resnet-symmetric': { model: { normalization: 'symmetric' } },
  'resnet-per-image': { model: { normalization: 'per-image' } },
  'preact-activated': { model: { shortcut: 'activated' } },
  'preact-raw': { model: { shortcut: 'raw' } },
  'preact-raw-silu-cifar10': { model: { shortcut: 'raw', activation: 'silu', normalization: 'cifar10' } },
  'wrn-silu-cifar10': { model: { activation: 'silu', normalization: 'cifar10' } },
};

/** Data unlike that of the training, for which its reading is not to blame. */
function changedImages(): [name: string, change: (x: Float32Array) => Float32Array][] {
  const noise = keyedStream(['testimony']);
  const clipped = (value: number) => Math.min(1, Math.max(0, value));
  return [
    ['darker', (x) => x.map((value) => value / 2)],
    ['brighter', (x) => x.map((value) => clipped(value + 0.3))],
    ['pale', (x) => x.map((value) => 0.5 + 0.4 * (value - 0.5))],
    ['inverted', (x) => x.map((value) => 1 - value)],
    ['noisy', (x) => x.map((value) => clipped(value + 0.2 * noise.normal()))],
    ['blurred', (x) => x.map((_, i) => (x[i - 2]! + x[i - 1]! + x[i]! + x[i + 1]! + x[i + 2]!) / 5 || 0)],
  ];
}

async function testimonyOf(name: string, options: ReadingOptions = {}, path = `${FIXTURES}/${name}.pt`) {
  const readable = await openReadable({ path, ...options, layout: 'NCHW' });
  return testify(readable, { name, images, runtime });
}

describe('a checkpoint read right', () => {
  test.each(Object.entries(CHECKPOINTS))('%s fits', async (name, options) => {
    const { outcome, norms, images: asked } = await testimonyOf(name, options);
    expect({ outcome, asked }).toEqual({ outcome: 'fits', asked: 128 });
    expect(norms).toBeGreaterThanOrEqual(7);
  });

  test('the demo fits', async () => {
    const { outcome, norms } = await testimonyOf('demo', {}, `${DEMO}/shapes10-rn18-w8.pt`);
    expect({ outcome, norms }).toEqual({ outcome: 'fits', norms: 20 });
  });
});

describe('a checkpoint read wrong is refused, and what is right said', () => {
  const leaky = '"model": {"activation": "leaky-relu", "slope": 0.1}';
  test.each<[name: string, wrong: ReadingOptions, statement: string]>([
    ['resnet-relu', { model: { activation: 'leaky-relu', slope: 0.1 } }, '"model": {"activation": "relu"}'],
    ['resnet-relu', { model: { activation: 'silu' } }, '"model": {"activation": "relu"}'],
    ['resnet-relu', { model: { normalization: 'symmetric' } }, '"model": {"normalization": "none"}'],
    ['resnet-leaky-relu', {}, leaky],
    ['resnet-silu', {}, '"model": {"activation": "silu"}'],
    ['resnet-silu', { model: { activation: 'gelu' } }, '"model": {"activation": "silu"}'],
    ['resnet-silu-adversarial', {}, '"model": {"activation": "silu"}'],
    ['resnet-gelu', {}, '"model": {"activation": "gelu"}'],
    ['resnet-cifar10', {}, '"model": {"normalization": "cifar10"}'],
    ['resnet-symmetric', {}, '"model": {"normalization": "symmetric"}'],
    ['resnet-bytes', {}, '"checkpoint": {"normalize": {"mean": [0, 0, 0], "std": [0.0039'],
    ['resnet-per-image', {}, '"model": {"normalization": "per-image"}'],
    ['preact-activated', { model: { shortcut: 'raw' } }, '"model": {"shortcut": "activated"}'],
    ['preact-raw', {}, '"model": {"shortcut": "raw"}'],
    [
      'wrn-silu-cifar10',
      { model: { normalization: 'cifar10' } },
      '"model": {"activation": "gelu"}, or "model": {"activation": "silu"}',
    ],
  ])('%s with %j', async (name, wrong, statement) => {
    await expect(testimonyOf(name, wrong)).rejects.toThrow(`Say ${statement}`);
  });

  test.each<ReadingOptions>([
    { model: { activation: 'leaky-relu', slope: 0.1 } },
    { model: { activation: 'gelu' } },
    { model: { normalization: 'symmetric' } },
    { normalize: { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } },
  ])('the demo with %j', async (wrong) => {
    const said = wrong.model?.activation === undefined ? '"normalization": "none"' : '"activation": "relu"';
    await expect(testimonyOf('demo', wrong, `${DEMO}/shapes10-rn18-w8.pt`)).rejects.toThrow(`Say "model": {${said}}`);
  });
});

describeWithShared('a checkpoint trained by adversaries on CIFAR-10', (reference) => {
  async function ofReference(options: ReadingOptions, checkpoint = 'cifar10-rn18-w16.pt') {
    const data = await openDataset({ format: 'cifar10', path: `${reference}/cifar10/train_5000.bin`, split: 'train' });
    const path = `${reference}/checkpoints/${checkpoint}`;
    const readable = await openReadable({ path, ...options, layout: 'NCHW' });
    return testify(readable, { name: 'reference', images: await testimonyImages(data), runtime });
  }

  test('fits', async () => {
    expect(await ofReference({})).toMatchObject({ outcome: 'fits', norms: 20 });
  });

  test('and random weights are no contradiction', async () => {
    const { outcome } = await ofReference({}, 'wrn10-2-b8.module-subblock.pt');
    expect(outcome).toBe('doubtful');
  });

  test.each<ModelOptions>([
    { activation: 'leaky-relu', slope: 0.1 },
    { activation: 'silu' },
    { normalization: 'cifar10' },
    { normalization: 'per-image' },
  ])('is refused with %j', async (model) => {
    await expect(ofReference({ model })).rejects.toThrow('contradicted');
  });
});

test('deviations are those of PyTorch', async () => {
  const file = readFileSync(`${FIXTURES}/expected.json`, 'utf8');
  const expected = z
    .record(z.string(), z.record(z.string(), z.tuple([z.number(), z.number()])))
    .parse(JSON.parse(file));
  const first = await openDataset({ format: 'cifar10', path: `${DEMO}/train.bin`, split: 'train', limit: 32 });
  const x = { x: await first.pixels(0, 32), imageShape: first.imageShape };
  for (const name of ['resnet-silu', 'resnet-symmetric', 'preact-raw-silu-cifar10', 'wrn-silu-cifar10']) {
    const readable = await openReadable({ path: `${FIXTURES}/${name}.pt`, ...CHECKPOINTS[name], layout: 'NCHW' });
    const { model } = readable.read(readable.options);
    const ours = await normDeviations(statisticsModel(model), x, runtime);
    const theirs = Object.entries(expected[name] ?? {});
    expect(new Set(ours.map(({ module }) => module))).toEqual(new Set(theirs.map(([module]) => module)));
    for (const [module, [mean, variance]] of theirs) {
      const one = ours.find((deviation) => deviation.module === module);
      // float32 against float64: medians of about .05.
      expect(one?.mean).toBeCloseTo(mean, 4);
      expect(one?.variance).toBeCloseTo(variance, 4);
    }
  }
});

describe('an .onnx whose BatchNorms were left in it', () => {
  const mean = [0.4914, 0.4822, 0.4465];
  const std = [0.2471, 0.2435, 0.2616];

  async function ofOnnx(options: ReadingOptions) {
    const network = await openReadable({ path: `${FIXTURES}/resnet-cifar10.pt`, layout: 'NCHW' });
    const { model } = network.read({ model: { normalization: 'none' } });
    return testify(readableOnnx(model, 'net.onnx', options), { name: 'net.onnx', images, runtime });
  }

  test('testifies for its mean and standard deviation', async () => {
    expect(await ofOnnx({ normalize: { mean, std } })).toMatchObject({ outcome: 'fits', norms: 12 });
  });

  test.each<[ReadingOptions, string]>([
    [{}, 'Say "model": {"normalization": "cifar10"}'],
    [
      { normalize: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } },
      'Say "model": {"normalization": "cifar10"} and no "normalize" in "checkpoint"',
    ],
  ])('and against %j', async (options, statement) => {
    await expect(ofOnnx(options)).rejects.toThrow(statement);
  });
});

describe('what is no contradiction', () => {
  test('a model without BatchNorm is not testified', async () => {
    const path = `${ROOT}test/fixtures/onnx/vit.dynamic.opset16.onnx`;
    const { imageShape } = await openClassifier({ path, layout: 'NCHW' });
    const readable = await openReadable({ path, layout: 'NCHW' });
    const blank = { x: new Float32Array(sizeOf(imageShape)), imageShape };
    const testimony = await testify(readable, { name: 'vit', images: blank, runtime });
    expect(testimony).toEqual({ outcome: 'none', norms: 0, images: 1, mean: 0, variance: 0 });
    expect(testimonyText(testimony)).toBe('not testified: it has no BatchNorm with running statistics of its training');
  });

  test.each([
    [[0, 0], [1, 1], 0],
    [[0, 0.1], [1, 1], 1],
    [[0, 0], [1, 2], 1],
  ])('a BatchNorm of mean %j and variance %j is asked as one of %i', (mean, variance, asked) => {
    const builder = new GraphBuilder();
    const x = builder.input('x', [{ batch: 1 }, 2, 4, 4]);
    const constants = [[1, 1], [0, 0], mean, variance].map((values) => builder.constant(values));
    const model = builder.build([builder.op('BatchNormalization', [x, ...constants])]);
    expect(statisticsModel(model).norms).toHaveLength(asked);
  });

  test('few images are not enough to refuse a reading', async () => {
    const few = { ...images, x: images.x.slice(0, 31 * sizeOf(images.imageShape)) };
    const readable = await openReadable({ path: `${FIXTURES}/resnet-silu.pt`, layout: 'NCHW' });
    const testimony = await testify(readable, { name: 'few', images: few, runtime });
    expect(testimony.outcome).toBe('none');
    expect(testimonyText(testimony)).toBe('not testified: 31 images are too few for its BatchNorms');
  });

  test('a user who knows is told, not refused', async () => {
    const { outcome, rival } = await testimonyOf('resnet-silu', { model: { testimony: 'flag' } });
    expect({ outcome, readings: rival?.readings }).toEqual({ outcome: 'contradicted', readings: ['activation silu'] });
  });

  test.each(changedImages())('images that are %s', async (_, change) => {
    for (const name of ['resnet-relu', 'resnet-silu', 'preact-raw', 'wrn-silu-cifar10']) {
      const readable = await openReadable({ path: `${FIXTURES}/${name}.pt`, ...CHECKPOINTS[name], layout: 'NCHW' });
      const { outcome } = await testify(readable, { name, images: { ...images, x: change(images.x) }, runtime });
      expect(['fits', 'doubtful']).toContain(outcome);
    }
  });
});
