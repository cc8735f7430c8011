import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeNpy } from '../../../../src/numeric/npy.ts';
import { float32, type TypedTensor, toNumbers } from '../../../../src/numeric/tensor.ts';
import { checkGradient } from '../../../../src/onnx/autodiff/check-gradient.ts';
import { gradientProblems } from '../../../../src/onnx/autodiff/gradient-problems.ts';
import { COTANGENT, GRADIENT, gradientModel } from '../../../../src/onnx/autodiff/vjp.ts';
import { isBatch, type Model } from '../../../../src/onnx/graph.ts';
import { openClassifier } from '../../../../src/runs/inputs/open-classifier.ts';
import { importOnnx } from '../../../support/import-onnx.ts';
import { describeWithShared } from '../../../support/shared.ts';
import { relativeDifference, uniform, withSessions } from './support.ts';

/** CIFAR-10's files: a label byte and 3,072 of pixels per image. */
const RECORD = 3073;

describeWithShared('gradients of real networks', (reference) => {
  const golden = (name: string) => decodeNpy(readFileSync(join(reference, 'goldens', `${name}.npy`)), name);
  const records = readFileSync(join(reference, 'cifar10', 'test_1000.bin'));

  function cifarImages(count: number): TypedTensor<'float32'> {
    const pixels = Array.from({ length: count }, (_, at) => [...records.subarray(at * RECORD + 1, (at + 1) * RECORD)]);
    return float32(
      [count, 3, 32, 32],
      Float32Array.from(pixels.flat(), (value) => value / 255),
    );
  }

  /** The gradient of each image's cross-entropy: its cotangent is softmax(logits) - onehot(label). */
  async function crossEntropyGradient(model: Model, x: TypedTensor<'float32'>, labels: readonly number[]) {
    return withSessions(async (evaluate) => {
      const logits = (await evaluate(model, { [model.graph.inputs[0]!.name]: x }))[model.graph.outputs[0]!.name]!;
      const classes = logits.dims[1]!;
      const cotangent = logits.data.map((_, at) => {
        const row = logits.data.subarray(at - (at % classes), at - (at % classes) + classes);
        const total = row.reduce((sum, value) => sum + Math.exp(value - logits.data[at]!), 0);
        return 1 / total - (labels[Math.floor(at / classes)] === at % classes ? 1 : 0);
      });
      const feeds = { [model.graph.inputs[0]!.name]: x, [COTANGENT]: float32(logits.dims, cotangent) };
      return (await evaluate(gradientModel(model), feeds))[GRADIENT]!;
    });
  }

  it.each([
    ['rn18-w16', 'cifar10-rn18-w16.pt'],
    ['wrn10-2-b8', 'wrn10-2-b8.module-subblock.pt'],
    ['preact-rn18-w8-c100', 'preact-rn18-w8-c100.legacy.pt'],
    ['rn50-w8-c20', 'rn50-w8-c20.pth.tar'],
  ])('%s: the gradient of the cross-entropy is that of PyTorch', async (name, file) => {
    const expected = golden(`${name}.base.ce_grad`) as TypedTensor<'float32'>;
    const [count, ...image] = expected.dims as [number, ...number[]];
    const imageShape = image as [number, number, number];
    const { model } = await openClassifier({ path: join(reference, 'checkpoints', file), imageShape });
    const labels = name === 'rn18-w16' ? cifarLabels(count) : toNumbers(golden(`${name}.base.y`));
    const x = name.startsWith('rn50') ? firstImages(golden('rn50-w8-c20.base.x'), count) : cifarImages(count);
    const { data } = await crossEntropyGradient(model, x, labels);
    const size = image.reduce((product, dim) => product * dim, 1);
    const errors = Array.from({ length: count }, (_, at) =>
      relativeDifference(data.subarray(at * size, (at + 1) * size), expected.data.subarray(at * size, (at + 1) * size)),
    ).sort((a, b) => a - b);
    // A pre-activation within rounding of zero flips a ReLU, in PyTorch's float32 too, and which does so depends on a processor's
    // instructions: of 16 images one may be off, a little.
    expect(errors[Math.floor(count / 2)]).toBeLessThan(1e-5);
    expect(errors.filter((error) => error > 1e-3).length).toBeLessThanOrEqual(Math.ceil(count / 16));
    expect(errors.at(-1)).toBeLessThan(0.1);
  });

  function cifarLabels(count: number): number[] {
    return Array.from({ length: count }, (_, at) => records[at * RECORD]!);
  }

  function firstImages(images: ReturnType<typeof golden>, count: number): TypedTensor<'float32'> {
    const size = images.data.length / images.dims[0]!;
    return float32([count, ...images.dims.slice(1)], images.data.slice(0, count * size) as Float32Array);
  }

  it.each(['resnet_2b', 'cifar_base_kw', 'cifar10_small_nhwc', 'convnet_maxpool_28x28x1'])(
    '%s.onnx: the gradient fits finite differences',
    async (name) => {
      const model = await importOnnx(join(reference, 'onnx', `${name}.onnx`));
      expect(gradientProblems(model.graph)).toEqual([]);
      const dims = model.graph.inputs[0]!.dims!.map((dim) => (dim === undefined || isBatch(dim) ? 2 : dim));
      const report = await withSessions((evaluate) => checkGradient(model, uniform(name, dims, 0, 1), evaluate));
      expect(report).toMatchObject({ ok: true, suspects: [] });
    },
  );
});
