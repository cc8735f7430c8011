import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectLogits } from '../../../src/evaluation/proof/outputs.ts';
import { checkGradient, type OpenModelOptions, openModel, rankUnits } from '../../../src/index.ts';
import { decodeNpy } from '../../../src/numeric/npy.ts';
import { toNumbers } from '../../../src/numeric/tensor.ts';
import { golden, largestError, rowErrors } from '../../support/golden.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/binary');
const file = (name: string) => join(FIXTURES, name);

const images = golden(file('images.npy')).data;
const labels = Int32Array.from(toNumbers(decodeNpy(readFileSync(file('labels.npy')), 'labels.npy')));
const logits = golden(file('logits.npy')).data;
const gradient = golden(file('gradient.npy')).data;
const count = labels.length;

const LOGIT = { binary: 'logit' } as const;
const PROBABILITY = { binary: 'probability' } as const;
const OF_CHECKPOINT = { imageShape: [3, 8, 8], model: { normalization: 'none' } } as const;
const STATED = 'its one output z is the logit of class 1, as stated: logits are [0, z]';
const SIGMOID = expect.stringContaining('the sigmoid that makes it of z is left off: logits are [0, z]');

/** Rows of images whose label z speaks against: no gradient of theirs is rounded away. */
const against = (values: Float32Array): Float32Array => {
  const size = values.length / count;
  return Float32Array.from([...values].filter((_, i) => Math.floor(i / size) % 2 === 1));
};

describe('a model of two classes with one output', () => {
  it.each<[string, OpenModelOptions, readonly unknown[]]>([
    ['logit.onnx', LOGIT, [STATED]],
    ['logit_flat.onnx', LOGIT, [STATED]],
    ['probability.onnx', PROBABILITY, [SIGMOID]],
    ['probability_flat.onnx', PROBABILITY, [SIGMOID]],
    ['probability_map.onnx', PROBABILITY, [SIGMOID]],
    ['vgg.pt', { ...LOGIT, ...OF_CHECKPOINT }, [STATED]],
    ['vgg.pt', { ...PROBABILITY, ...OF_CHECKPOINT }, [SIGMOID]],
    ['inside.pt', { ...PROBABILITY, ...OF_CHECKPOINT }, expect.arrayContaining([SIGMOID])],
    ['behind.pt', { ...PROBABILITY, ...OF_CHECKPOINT }, expect.arrayContaining([SIGMOID])],
    ['two_logits.onnx', {}, []],
  ])('%s with %o has the logits and gradients of PyTorch in float64', async (name, options, notes) => {
    await using model = await openModel(file(name), options);
    expect(model).toMatchObject({ imageShape: [3, 8, 8], classes: 2, notes });
    const given = await model.gradient({ x: images, labels });
    expect(largestError(given.logits, logits)).toBeLessThan(1e-6);
    expect(largestError(given.gradient, gradient)).toBeLessThan(1e-6);
    expect(Math.max(...rowErrors(against(given.gradient), against(gradient), count / 2))).toBeLessThan(1e-5);
  });

  it('has a gradient where float32 rounds the probability of the label to 1, to the half of its size', async () => {
    await using model = await openModel(file('probability.onnx'), PROBABILITY);
    const own = Int32Array.from(labels, (label, image) => (image % 2 === 1 ? 1 - label : label));
    const given = await model.gradient({ x: images, labels: own });
    // The cross-entropy with the other label has the slope of z, to 1 - 1e-3; that of the label exp(-|z|) of it.
    for (const image of [1, 3, 5, 7]) {
      const size = Math.exp(-Math.abs(logits[2 * image + 1]!));
      const row = (values: Float32Array) => values.subarray(image * 192, (image + 1) * 192);
      const ratios = [...row(given.gradient)].flatMap((slope, i) =>
        Math.abs(row(gradient)[i]!) < 1e-2 ? [] : [slope / -row(gradient)[i]! / size],
      );
      expect(Math.min(...ratios)).toBeGreaterThan(0.499);
      expect(Math.max(...ratios)).toBeLessThan(1.01);
    }
  });

  it.each([
    ['logit.onnx', LOGIT],
    ['probability_flat.onnx', PROBABILITY],
    ['written_out.onnx', PROBABILITY],
  ])('%s has a gradient that differences bear out', async (name, options) => {
    await using model = await openModel(file(name), options);
    // z is -8 and 4 there, where float32 has room on either side of p.
    const some = Float32Array.from([...images.subarray(0, 192), ...images.subarray(4 * 192, 5 * 192)]);
    expect(await checkGradient(model, some)).toMatchObject({ ok: true });
  });

  it('is read as far as float32 goes where no Sigmoid makes the probability, and that is said', async () => {
    await using model = await openModel(file('written_out.onnx'), PROBABILITY);
    expect(model.notes).toEqual([expect.stringContaining('no Sigmoid makes it: logits are [0, log(p) - log(1 - p)]')]);
    const given = await model.gradient({ x: images, labels });
    // z of -8, -19, -36 and 4; beyond 16.6 p is rounded to 1, and no gradient is left.
    for (const image of [0, 1, 2, 4]) expect(given.logits[2 * image + 1]! / logits[2 * image + 1]!).toBeCloseTo(1, 5);
    expect(given.logits[2 * 5 + 1]).toBeCloseTo(24 * Math.LN2, 4);
    const rows = rowErrors(given.gradient, gradient, count);
    expect(Math.max(rows[1]!, rows[3]!)).toBeLessThan(1e-3);
    expect(given.gradient.subarray(5 * 192, 6 * 192).every((slope) => slope === 0)).toBe(true);
    expect([...given.logits].every(Number.isFinite)).toBe(true);
  });

  it('has no logits where what is said to be a probability is none', async () => {
    await using model = await openModel(file('logit.onnx'), PROBABILITY);
    const given = await model.logits(images);
    expect(given.filter((_, i) => i % 2 === 1).every(Number.isNaN)).toBe(true);
    expect(() => inspectLogits(given, 2, 'logit.onnx')).toThrow('what is said to be a probability is none');
  });

  it('is asked about where what is said to be a logit may be a probability', async () => {
    await using model = await openModel(file('written_out.onnx'), LOGIT);
    const codes = inspectLogits(await model.logits(images), 2, 'written_out.onnx').map(({ code }) => code);
    expect(codes).toEqual(['probabilities']);
    expect(inspectLogits(logits, 2, 'logit.onnx')).toEqual([]);
  });

  it.each<[string, OpenModelOptions, string]>([
    [
      'logit.onnx',
      {},
      'logit.onnx: output "y" is float32 [N, 1], 1 output: a classifier has one logit a class; of a binary model say what it is, ' +
        '"binary": "logit" or "probability" (--binary), and it is read as logits [0, z]',
    ],
    ['logit_flat.onnx', {}, 'output "y" is float32 [N], 1 output: a classifier has one logit a class'],
    ['probability.onnx', {}, '(here it comes from Sigmoid "/Sigmoid", a probability)'],
    [
      'probability_flat.onnx',
      LOGIT,
      'said to be a logit, and comes from Sigmoid "/Sigmoid", a probability: say "binary"',
    ],
    ['probability_kept.onnx', LOGIT, 'said to be a logit, and comes from Sigmoid "/Sigmoid", a probability'],
    [
      'two_logits.onnx',
      LOGIT,
      'is float32 [N, 2], and "binary" (--binary) is of a model with one output: leave it out',
    ],
    [
      'inside.pt',
      { ...LOGIT, ...OF_CHECKPOINT },
      'a module torch.nn.modules.activation.Sigmoid at "sigmoid" without weights',
    ],
    [
      'behind.pt',
      { ...LOGIT, ...OF_CHECKPOINT },
      'Sigmoid) stands beside the network, and igd does not know what it does',
    ],
    ['in_front.pt', { ...PROBABILITY, ...OF_CHECKPOINT }, 'Sigmoid) stands beside the network, and igd does not know'],
    [
      'vgg.pt',
      OF_CHECKPOINT,
      'vgg.pt: has 1 output: a classifier has one logit a class; of a binary model say what it is',
    ],
  ])('%s with %o is refused', async (name, options, message) => {
    await expect(openModel(file(name), options)).rejects.toThrow(message);
  });

  it('is no checkpoint of ten', async () => {
    await expect(openModel('examples/demo/shapes10-rn18-w8.pt', LOGIT)).rejects.toThrow(
      'shapes10-rn18-w8.pt: has 10 outputs, and "binary" (--binary) is of a model with one output: leave it out',
    );
  });

  it.each(['stage1', 'stage2'])(
    'has units of %s that matter to both classes, as PyTorch leaves them out',
    async (layer) => {
      await using model = await openModel(file('vgg.pt'), { ...PROBABILITY, ...OF_CHECKPOINT });
      const { scores, units } = await rankUnits(model, { layer, method: 'loir', images, labels });
      const effects = golden(file(`importance.${layer}.npy`)).data;
      const mean = (unit: number, label: number) => {
        const own = [...labels.keys()].filter((image) => labels[image] === label);
        // Of [-z/2, z/2].
        return own.reduce((sum, image) => sum + effects[unit * count + image]! / 2, 0) / own.length;
      };
      const expected = Float32Array.from({ length: 2 * units }, (_, i) => mean(Math.floor(i / 2), i % 2));
      expect(largestError(scores, expected)).toBeLessThan(1e-5);
    },
  );
});
