import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../src/index.ts';

/** Small members of timm's and torchvision's families as both exporters of PyTorch 2.13 write them, by make_zoo.py beside them. */
const FIXTURES = join(import.meta.dirname, '../../fixtures/zoo');

/** float32 against float64, relative in the 2-norm; the images are away from kinks, and PyTorch's own float32 is within 3e-6. */
const TOLERANCE = 1e-5;

interface Truth {
  readonly size: number;
  readonly exports: readonly string[];
  readonly labels: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly norms: readonly number[];
  /** Base64 of float32: of each image every `step`th entry of its gradient. */
  readonly gradient: string;
}

const { step, models } = JSON.parse(readFileSync(join(FIXTURES, 'truth.json'), 'utf8')) as {
  readonly step: number;
  readonly models: Readonly<Record<string, Truth>>;
};

/** As make_zoo.py has them. */
function pixels(images: number, size: number): Float32Array {
  const count = 3 * size * size;
  return Float32Array.from({ length: images * count }, (_, index) => {
    const [image, at] = [Math.floor(index / count), index % count];
    return 0.5 + 0.5 * Math.sin(0.7 * (image + 1) * at + 0.013 * at * at);
  });
}

function distance(values: ArrayLike<number>, truth: ArrayLike<number>): number {
  return Math.hypot(...Array.from(truth, (value, at) => values[at]! - value));
}

const GRAPHS = Object.entries(models).flatMap(([name, truth]) =>
  truth.exports.map((how): [string, string, Truth] => [name, how, truth]),
);

describe('small models of the zoo, exported', () => {
  it('are two dozen and more', () => expect(GRAPHS.length).toBeGreaterThan(24));

  it.each(GRAPHS)('%s, %s: logits and gradient are those of PyTorch', async (name, how, truth) => {
    const { size, labels, logits, norms } = truth;
    const bytes = gunzipSync(readFileSync(join(FIXTURES, `${name}.${how}.onnx.gz`)));
    await using model = await openModel(new Uint8Array(bytes), { imageShape: [3, size, size], threads: 1 });
    const x = pixels(labels.length, size);
    const found = await model.logits(x);
    const { gradient } = await model.gradient({ x, labels });
    const sample = Buffer.from(truth.gradient, 'base64');
    const picked = new Float32Array(new Uint8Array(sample).buffer);
    const [classes, entries] = [logits[0]!.length, picked.length / labels.length];
    for (const [image, expected] of logits.entries()) {
      const scores = found.subarray(image * classes, (image + 1) * classes);
      expect(distance(scores, expected)).toBeLessThan(TOLERANCE * Math.hypot(...expected));
      const pixelsOfImage = gradient.subarray(
        (image * gradient.length) / labels.length,
        ((image + 1) * gradient.length) / labels.length,
      );
      const slopes = pixelsOfImage.filter((_, at) => at % step === 0);
      const error = distance(slopes, picked.subarray(image * entries, (image + 1) * entries));
      expect(error).toBeLessThan(TOLERANCE * norms[image]!);
      expect(Math.abs(Math.hypot(...pixelsOfImage) / norms[image]! - 1)).toBeLessThan(TOLERANCE);
    }
  });
});
