import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type OpenModelOptions, openModel } from '../../../../src/index.ts';
import { decodeNpy } from '../../../../src/numeric/npy.ts';
import { toNumbers } from '../../../../src/numeric/tensor.ts';
import { openClassifier } from '../../../../src/runs/inputs/open-classifier.ts';
import { golden, largestError, rowErrors } from '../../../support/golden.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/onnx-forms');
const file = (name: string) => join(FIXTURES, name);

const images = golden(file('images.npy')).data;
const labels = toNumbers(decodeNpy(readFileSync(file('labels.npy')), 'labels.npy'));
const logits = golden(file('cnn.logits.npy')).data;
const gradient = golden(file('cnn.gradient.npy')).data;

/** Forms of one network, and what is to be said of them. */
const READ: readonly [string, OpenModelOptions, readonly string[]][] = [
  ['open_size', { imageShape: [3, 16, 16] }, ['the size of its images is open, and read as [N, 3, 16, 16]']],
  ['open_size', { imageSize: 16 }, ['the size of its images is open, and read as [N, 3, 16, 16]']],
  ['open_size', { imageSize: [16, 16], imageShape: [3, 16, 16] }, [expect.stringContaining('is open')]],
  ['trailing_ones', {}, ['ones that trail in the shape of its logits are dropped: [N, 10]']],
  ['uint8', { inputRange: '0..255' }, ['its uint8 images are fed 0..255 as float32, not rounded']],
  ['scaled', { inputRange: '0..255' }, []],
  ['scaled', { normalize: { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] } }, []],
  ['features_first', { output: 'logits' }, []],
];

describe('a network in the forms people export', () => {
  it.each(READ)('%s with %o has the logits and gradient of PyTorch', async (name, options, notes) => {
    await using model = await openModel(file(`${name}.onnx`), options);
    expect(model).toMatchObject({ imageShape: [3, 16, 16], classes: 10, notes });
    const given = await model.gradient({ x: images, labels });
    expect(largestError(given.logits, logits)).toBeLessThan(1e-5);
    expect(Math.max(...rowErrors(given.gradient, gradient, labels.length))).toBeLessThan(1e-4);
  });

  it.each<[string, OpenModelOptions, string]>([
    [
      'open_size',
      {},
      'input "x" is [N, 3, ?, ?] and leaves the size of its images open: give data, or say "imageSize"',
    ],
    ['open_size', { imageSize: 16, imageShape: [3, 8, 8] }, 'imageSize is 16 x 16, and the images are 8 x 8'],
    ['scaled', { imageSize: 32 }, 'wants images [N, 3, 16, 16], and is given [N, 3, 32, 32]: images are not resized'],
    ['scaled', { layout: 'NHWC', imageShape: [3, 16, 16] }, 'is given [N, 16, 16, 3]: is "layout" right?'],
    ['scaled', { imageShape: [1, 16, 16] }, 'and is given [N, 1, 16, 16]: a model of colour images reads grey ones'],
    ['map', {}, 'output "logits" is float32 [N, 10, 2, 2], a map: a classifier has logits [N, classes]'],
    [
      'one_output',
      {},
      'output "logits" is float32 [N, 1], 1 output: a classifier has one logit a class; of a binary model say what it is, "binary": "logit" or "probability" (--binary)',
    ],
    ['uint8', {}, 'input "x" is uint8: say "inputRange": "0..255" (--input-range) to feed it pixels times 255'],
    ['uint8', { inputRange: '0..1' }, 'input "x" is uint8: say "inputRange"'],
    ['features_first', {}, 'outputs "features" [N, 12], "logits" [N, 10]: say which of them is the logits, "output"'],
    ['features_first', { output: 'probabilities' }, 'no output "probabilities": there are "features" [N, 12]'],
    [
      'scaled',
      { inputRange: '0..255', normalize: { mean: [0, 0, 0], std: [1, 1, 1] } },
      'a normalisation and inputRange "0..255" are two ways to scale an image: give one of them',
    ],
    ['scaled', { layerAxis: 1 }, 'layerAxis is of a layer, and none is named'],
  ])('%s with %o is refused', async (name, options, message) => {
    await expect(openModel(file(`${name}.onnx`), options)).rejects.toThrow(message);
  });

  it('is not what a checkpoint leaves open', async () => {
    const spec = { path: 'examples/demo/shapes10-rn18-w8.pt', output: 'logits' };
    await expect(openClassifier(spec)).rejects.toThrow('shapes10-rn18-w8.pt: "output" is for an .onnx; leave it out');
  });
});
