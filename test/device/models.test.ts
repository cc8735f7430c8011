import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { LOSS_NAMES, type LossName } from '../../src/attacks/core/losses.ts';
import { baseModel, type EvaluatedModel, NOISE_INPUT } from '../../src/defense/defended-model.ts';
import { lossGradientModel } from '../../src/evaluation/onnx-model.ts';
import { type Classifier, IMAGE_INPUT } from '../../src/models/classifier.ts';
import { classifierFromOnnx } from '../../src/models/from-onnx.ts';
import { float32 } from '../../src/numeric/tensor.ts';
import { decodeModel } from '../../src/onnx/codec/model.ts';
import type { Feeds } from '../../src/onnx/runtime.ts';
import { ARCHITECTURE_CASES, opened } from '../support/architecture-cases.ts';
import { evaluated } from '../support/models.ts';
import { hasRequirement } from '../support/require.ts';
import { TRANSFORMER_CASES, transformerOf } from '../support/transformer-cases.ts';
import { relativeDifference, uniform } from '../unit/onnx/autodiff/support.ts';
import { type DeviceRun, describeOnWebGpu, foreignOps, runProfiled } from './support.ts';

const IMAGES = 2;

/**
 * Relative, a tenth of what a proof asks. Losses are differences of logits: their errors are relative to 1, which is what logits are
 * here. A kink that rounding crosses makes another gradient of one image: the better one of two is compared, as in docs/fidelity.md.
 */
const TOLERANCE = 1e-5;
const LOSS_TOLERANCE = 1e-4;

/** Normalised over two channels, whose variance may be next to nothing: rounding is magnified, in float64 as well. */
const MAGNIFIES: Readonly<Record<string, number>> = { 'vit-convstem': 1e-3 };

interface Compared {
  readonly losses: readonly LossName[];
  readonly forward?: boolean;
  readonly tolerance?: number | undefined;
}

/** Sessions of losses, which give logits as well, on the device beside the CPU, and where asked the forward one: what is wrong, in words. */
async function problemsOf(
  model: EvaluatedModel,
  [channels, height, width]: Classifier['imageShape'],
  { losses, forward = false, tolerance = TOLERANCE }: Compared,
) {
  const x = uniform('images', [IMAGES, channels, height, width], 0, 1);
  const problems: string[] = [];
  const compare = async (name: string, graph: EvaluatedModel['model'], feeds: Feeds) => {
    const [device, cpu] = [await runProfiled(graph, feeds), await runProfiled(graph, feeds, { device: 'cpu' })];
    const foreign = foreignOps(device.nodes);
    if (foreign.length > 0) problems.push(`${name}: ${foreign.join()} elsewhere`);
    problems.push(...differences(name, device, cpu, tolerance));
  };
  const { smoothing } = model;
  const noise = smoothing && {
    [NOISE_INPUT]: uniform('noise', [IMAGES, smoothing.samples, channels, height, width], -0.1, 0.1),
  };
  const feeds: Feeds = { [IMAGE_INPUT]: x, ...noise };
  if (forward) await compare('forward', model.model, feeds);
  for (const loss of losses) {
    const graph = lossGradientModel(model, loss);
    const classes = Number(graph.graph.outputs[1]!.dims![1]);
    const parameters = {
      labels: float32([IMAGES], [0, 1]),
      targets: float32([IMAGES], [1, 0]),
      references: uniform('references', [IMAGES, classes], 0, 1),
      weights: float32([IMAGES], [0.5, 0.25]),
    };
    await compare(loss, graph, { ...feeds, ...parameters });
  }
  return problems;
}

function differences(name: string, device: DeviceRun, cpu: DeviceRun, tolerance: number): string[] {
  return Object.entries(cpu.outputs).flatMap(([output, expected]) => {
    const actual = device.outputs[output]!;
    if (output === 'loss')
      return expected.every((value, row) => isNear(actual[row]!, value))
        ? []
        : [`${name}: ${expected.join()} is ${actual.join()}`];
    const size = expected.length / IMAGES;
    const rows = [0, 1].map((row) => {
      const of = (values: Float32Array) => values.subarray(row * size, (row + 1) * size);
      return relativeDifference(of(actual), of(expected));
    });
    const error = output === 'gradient' ? Math.min(...rows) : Math.max(...rows);
    return error < tolerance ? [] : [`${name}: ${output} off by ${error.toExponential(1)}`];
  });
}

const isNear = (a: number, b: number) => Math.abs(a - b) < LOSS_TOLERANCE * Math.max(1, Math.abs(b));

const base = (classifier: Classifier, others: Partial<Compared> = {}) =>
  problemsOf(baseModel(classifier), classifier.imageShape, { losses: ['ce'], ...others });

const ZOO = join(import.meta.dirname, '../fixtures/zoo');
const TRUTH: { readonly models: Readonly<Record<string, { readonly size: number }>> } = JSON.parse(
  readFileSync(join(ZOO, 'truth.json'), 'utf8'),
);

/** Their ops are in test/device/gradients.test.ts, one by one. */
const whole = hasRequirement('whole');
const sampled = (names: readonly string[]) => names.filter((_, place) => whole || place % 3 === 0);

describeOnWebGpu('models on WebGPU equal those on the CPU, and nothing is computed elsewhere', () => {
  it.each(sampled(readdirSync(ZOO).filter((file) => file.endsWith('.onnx.gz'))))('%s', async (file) => {
    const { size } = TRUTH.models[file.split('.')[0]!]!;
    const model = decodeModel(new Uint8Array(gunzipSync(readFileSync(join(ZOO, file)))), file);
    const classifier = classifierFromOnnx(model, file, { imageShape: [3, size, size] });
    expect(await base(classifier, { forward: true })).toEqual([]);
  });

  it.each(sampled(Object.keys(ARCHITECTURE_CASES)))('%s', async (name) => {
    expect(await base(opened(ARCHITECTURE_CASES[name]!))).toEqual([]);
  });

  it.each(sampled(Object.keys(TRANSFORMER_CASES)))('%s', async (name) => {
    expect(await base(await transformerOf(name), { tolerance: MAGNIFIES[name] })).toEqual([]);
  });

  it.each([
    ['two passes', {}],
    ['a mask that fades in', { threshold: 0.3 }],
    ['a smoothed first pass', { smoothing: { samples: 3, sigma: 0.1 } }],
  ] as const)('defended, %s, under every loss', async (_, defense) => {
    const classifier = opened(ARCHITECTURE_CASES['cifar-resnet']!);
    const layer = classifier.layers.at(-1)!;
    const values = Array.from({ length: classifier.classes * layer.units }, (_, at) => Number((at * 7) % 3 > 0));
    const masks = float32([classifier.classes, layer.units], values);
    const model = evaluated(classifier, { layer: layer.name, masks, temperature: 1, ...defense });
    expect(await problemsOf(model, classifier.imageShape, { losses: LOSS_NAMES, forward: true })).toEqual([]);
  });
});
