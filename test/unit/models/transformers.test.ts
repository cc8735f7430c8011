import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readCheckpoint } from '../../../src/checkpoints/read-checkpoint.ts';
import type { OnnxModel } from '../../../src/evaluation/onnx-model.ts';
import type { Classifier } from '../../../src/models/classifier.ts';
import { classifierFromCheckpoint } from '../../../src/models/from-checkpoint.ts';
import { decodeNpy } from '../../../src/numeric/npy.ts';
import { modelOptionsSchema } from '../../../src/schemas/model-options.ts';
import { modelOf, streams } from '../../support/models.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/transformers');

/** What make_transformers.py says of each network: its file, the size of its images, and what its weights do not tell. */
const cases = z
  .record(z.string(), z.object({ file: z.string(), size: z.int(), options: modelOptionsSchema }))
  .parse(JSON.parse(readFileSync(join(FIXTURES, 'cases.json'), 'utf8')));

/** Two images of the same formula as in make_transformers.py. */
function images(size: number): Float32Array {
  return Float32Array.from({ length: 2 * 3 * size * size }, (_, i) => ((i * 7919) % 251) / 250);
}

const LABELS = Int32Array.from([0, 1]);

function truth(name: string): Float32Array {
  return decodeNpy(readFileSync(join(FIXTURES, `${name}.npy`)), name).data as Float32Array;
}

async function classifierOf(name: string): Promise<Classifier> {
  const { file, size, options } = cases[name]!;
  const checkpoint = await readCheckpoint(join(FIXTURES, file));
  const holdsNormalization = [...checkpoint.state.keys()].some((key) => /(^|\.)mean$/.test(key));
  const model = holdsNormalization ? options : { ...options, normalization: 'none' as const };
  return classifierFromCheckpoint(checkpoint, { model, imageShape: [3, size, size] });
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Largest absolute difference, by the largest value. */
function error(values: Float32Array, expected: Float32Array): number {
  expect(values.length).toBe(expected.length);
  return largest(values.map((value, i) => value - expected[i]!)) / largest(expected);
}

let model: OnnxModel | undefined;
afterEach(async () => {
  await model?.release();
  model = undefined;
});

describe('transformers and ConvNeXts that PyTorch made', () => {
  // float32 against float64: the largest seen is 1.2e-6.
  it.each(Object.keys(cases))('%s: logits and gradient', async (name) => {
    const classifier = await classifierOf(name);
    model = modelOf(classifier);
    const x = images(cases[name]!.size);
    expect(error(await model.logits(x, streams(2)), truth(`${name}.logits`))).toBeLessThan(1e-5);
    const { gradient } = await model.gradient('ce', { x, labels: LABELS }, streams(2));
    expect(error(gradient, truth(`${name}.gradient`))).toBeLessThan(1e-5);
  });
});
