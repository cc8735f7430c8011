import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../../../src/checkpoints/read-checkpoint.ts';
import { CheckpointError, GraphError } from '../../../../src/errors.ts';
import { type ClipSpec, openEncoder } from '../../../../src/models/clip/clip.ts';
import { clipSizes } from '../../../../src/models/clip/sizes.ts';
import { decodeNpy } from '../../../../src/numeric/npy.ts';
import { float32, type TypedTensor } from '../../../../src/numeric/tensor.ts';
import { openClip } from '../../../../src/runs/inputs/open-clip.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { golden, largestError } from '../../../support/golden.ts';

const fixture = (name: string) => resolve(import.meta.dirname, '../../../fixtures/clip', name);
const tokens = decodeNpy(readFileSync(fixture('tokens.npy')), 'tokens.npy');
const runtime = onnxRuntime({ threads: 1 });

/** The upper left corner of every image. */
function cropped({ dims, data }: TypedTensor<'float32'>, side: number): TypedTensor<'float32'> {
  const [n = 0, channels = 0, height = 0, width = 0] = dims;
  const kept = data.filter((_, i) => i % width < side && Math.floor(i / width) % height < side);
  return float32([n, channels, side, side], kept);
}

async function embeddingsOf(spec: ClipSpec) {
  const clip = await openClip(spec);
  const images = await openEncoder(clip.image, runtime);
  const texts = await openEncoder(clip.text, runtime);
  try {
    const image = await images.encode(cropped(golden(fixture('pixels.npy')), clip.resolution));
    return { clip, image, text: await texts.encode(tokens) };
  } finally {
    await Promise.all([images.release(), texts.release()]);
  }
}

/** exp(scale) times the cosine of every image and text. */
function logits(image: Float32Array, text: Float32Array, size: number, scale: number): number[] {
  const unit = (rows: Float32Array, row: number) => {
    const values = rows.subarray(row * size, (row + 1) * size);
    return values.map((value) => value / Math.hypot(...values));
  };
  return Array.from({ length: image.length / size }, (_, i) =>
    Array.from({ length: text.length / size }, (_unused, j) => {
      const [a, b] = [unit(image, i), unit(text, j)];
      return Math.exp(scale) * a.reduce((sum, value, k) => sum + value * b[k]!, 0);
    }),
  ).flat();
}

describe('CLIP from OpenAI weights', () => {
  test('takes every size from the shapes', async () => {
    const { state } = await readCheckpoint(fixture('clip.pt'));
    expect(clipSizes(state)).toEqual({
      patch: 4,
      resolution: 16,
      vision: { module: 'visual.transformer', width: 128, heads: 2, layers: 1 },
      contextLength: 13,
      vocabulary: 60,
      text: { module: 'transformer', width: 64, heads: 1, layers: 2 },
      embedding: 24,
    });
  });

  test.each([
    ['clip.pt', 'clip'],
    ['clip.half.jit.pt', 'clip.half'],
  ])('%s equals PyTorch: image and text embeddings, logits', async (file, name) => {
    const { image, text } = await embeddingsOf({ model: fixture(file) });
    expect(largestError(image.data, golden(fixture(`${name}.image.npy`)).data)).toBeLessThan(1e-4);
    expect(largestError(text.data, golden(fixture(`${name}.text.npy`)).data)).toBeLessThan(1e-4);
    const { state } = await readCheckpoint(fixture(file));
    const scale = Number(state.get('logit_scale')?.data[0]);
    const expected = golden(fixture(`${name}.logits.npy`)).data;
    const error = logits(image.data, text.data, image.size, scale).map((value, i) => Math.abs(value - expected[i]!));
    expect(Math.max(...error)).toBeLessThan(1e-4);
  });

  test('says what the published file is: a program that was not run', async () => {
    const clip = await openClip({ model: fixture('clip.half.jit.pt') });
    expect(clip.notes.join()).toContain('TorchScript');
    expect(clip.description).toBe('CLIP ViT of width 64, patch 8, depth 1, 32 pixels');
  });

  test('refuses another checkpoint, and a CLIP that lacks a weight', async () => {
    const other = openClip({ model: 'examples/demo/shapes10-rn18-w8.pt' });
    await expect(other).rejects.toThrow(/shapes10-rn18-w8\.pt: holds no CLIP/);
    const { state } = await readCheckpoint(fixture('clip.pt'));
    const without = (name: string) => clipSizes(new Map([...state].filter(([key]) => key !== name)));
    expect(() => without('positional_embedding')).toThrow(CheckpointError);
    expect(() => without('visual.proj')).toThrow(/holds no CLIP/);
  });
});

describe('CLIP as ONNX', () => {
  const [vision, text, whole] = ['vision_model.onnx', 'text_model.onnx', 'model.onnx'].map(fixture) as [
    string,
    string,
    string,
  ];

  test.each([
    ['two encoders', { image: vision, text }],
    ['one model', { model: whole }],
  ])('%s: equals PyTorch', async (_, spec) => {
    const { clip, image, text: texts } = await embeddingsOf(spec);
    expect(clip).toMatchObject({ resolution: 32, contextLength: 13, vocabulary: undefined });
    const cosines = logits(image.data, texts.data, image.size, 2.5);
    const expected = golden(fixture('clip.half.logits.npy')).data;
    expect(Math.max(...cosines.map((value, i) => Math.abs(value - expected[i]!)))).toBeLessThan(1e-4);
  });

  test('refuses the wrong encoder, and a graph that is none', async () => {
    await expect(openClip({ image: text, text: vision })).rejects.toThrow(/takes no pixels.*is it the other encoder/);
    const classifier = resolve(import.meta.dirname, '../../../fixtures/onnx/cnn.dynamic.opset16.onnx');
    await expect(openClip({ image: vision, text: classifier })).rejects.toThrow(GraphError);
    await expect(openClip({ image: 'nowhere.onnx', text })).rejects.toThrow(GraphError);
  });
});
