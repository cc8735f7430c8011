import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { baseModel } from '../../src/defense/defended-model.ts';
import { InputError } from '../../src/errors.ts';
import { OnnxModel } from '../../src/evaluation/onnx-model.ts';
import { proveClassifier } from '../../src/evaluation/proof/prove-model.ts';
import { decodeNpy } from '../../src/numeric/npy.ts';
import { keyedStream } from '../../src/numeric/random.ts';
import { toNumbers } from '../../src/numeric/tensor.ts';
import { type ClassifierSpec, openClassifier } from '../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../src/runtime/session.ts';
import { golden } from '../support/golden.ts';
import { describeWithShared } from '../support/shared.ts';

/** What is particular about reading a case; most need nothing. */
type Options = Partial<ClassifierSpec>;

const CIFAR10 = { mean: [0.4914, 0.4822, 0.4465], std: [0.2471, 0.2435, 0.2616] };
const SMALL = { imageShape: [3, 16, 16] } as const;

/** Beside each, PyTorch's logits and gradients: float64 of the .onnx, float32 of the .pt. */
const RIGHT: Readonly<Record<string, Options>> = {
  'onnx/pad_maxpool.onnx': {},
  'onnx/pad1_avgpool.onnx': {},
  'onnx/pad_avgpool.onnx': {},
  'onnx/pad_axes_2.onnx': {},
  'onnx/as_strided_dynamic.onnx': {},
  'onnx/as_strided_legacy.onnx': {},
  'onnx/const_relu.onnx': {},
  'onnx/std_conv.onnx': {},
  'onnx/same_pad.onnx': {},
  'zoo/preact_projection_of_raw.pt': { model: { shortcut: 'raw' } },
  'zoo/preact_projection_of_activated.pt': {},
  'zoo/wrn_pssilu.pt': {},
  'zoo/wrn_mu_sigma_in_file.pt': {},
  'zoo/wrn_mu_sigma_stated.pt': { normalize: CIFAR10 },
  'zoo/wrn_cosine_head.pt': { normalize: CIFAR10 },
  'zoo/wrn_silu_whole_module.pt': {},
  'zoo/wrn_normalize_model.pt': {},
  'zoo/dm_wide_resnet_silu.pt': {},
};

/** Read and proven; their numbers are held by fixtures of ours. */
const READ: Readonly<Record<string, Options>> = {
  'onnx/mix_bn_train.dynamo.onnx': {},
  'onnx/dynhw.onnx': SMALL,
  'onnx/out4d.onnx': {},
  'onnx/uint8.onnx': { inputRange: '0..255' },
  'onnx/two_lf.onnx': { output: 'logits' },
  'onnx/fp16.onnx': {},
  'onnx/fp16_io32.onnx': {},
  'onnx/double.onnx': {},
  'onnx/f255.onnx': {},
  'onnx/softmax.onnx': {},
  'onnx/ext.onnx': {},
};

const MIXES = 'mixes the images of a batch';
const SEVERAL = /outputs "\w+" \[N, \d+\], "\w+" \[N, \d+\]: say which of them is the logits/;
const REFUSED: Readonly<Record<string, string | RegExp>> = {
  'onnx/mix_mean0.dynamo.onnx': MIXES,
  'onnx/mix_mean0.legacy.onnx': MIXES,
  'onnx/mix_std_all.dynamo.onnx': MIXES,
  'onnx/mix_std_all.legacy.onnx': MIXES,
  'onnx/mix_softmax0.dynamo.onnx': MIXES,
  'onnx/mix_softmax0.legacy.onnx': MIXES,
  'onnx/mix_flip.dynamo.onnx': 'the batch of [N, 3, 16, 16] is cut where it depends on the batch size',
  'onnx/mix_flip.legacy.onnx': 'the batch of [N, 3, 16, 16] is cut where it depends on the batch size',
  'onnx/uint8.onnx': 'input "x" is uint8: say "inputRange"',
  'onnx/two_fl.onnx': SEVERAL,
  'onnx/two_lf.onnx': SEVERAL,
  'onnx/two_pl.onnx': SEVERAL,
  'onnx/two_aux.onnx': SEVERAL,
  'onnx/binary1.onnx': '1 output: a classifier has one logit a class',
  'onnx/int8_QDQ.onnx': 'the model is quantised',
  'onnx/int8_dyn.onnx': 'the model is quantised',
};

const numbers = (path: string) => toNumbers(decodeNpy(readFileSync(path), path));

/** Largest difference over the largest value. */
function relativeError(actual: Float32Array, right: readonly number[]): number {
  const scale = right.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return right.reduce((most, value, i) => Math.max(most, Math.abs(actual[i]! - value)), 0) / scale;
}

describeWithShared('models that other people bring', (reference) => {
  const cases = join(reference, '../cases');
  const runtime = onnxRuntime({ threads: 1 });
  const open = (name: string, options: Options) => openClassifier({ path: join(cases, name), ...options });
  const prove = async (name: string, options: Options) => {
    const classifier = await open(name, options);
    return proveClassifier(classifier, runtime, { name, gradients: true, evaluations: 0 });
  };

  test.each(['onnx/drop_train.dynamo.onnx', 'data/bern.onnx', 'data/randn.onnx'])(
    '%s is read as randomised, and proven',
    async (name) => {
      expect((await open(name, {})).notes.join()).toContain('it draws random numbers');
      await prove(name, {});
    },
  );

  test.each(Object.entries(RIGHT))('%s computes what PyTorch computes', async (name, options) => {
    const [folder] = name.split('/');
    const beside = (file: string) => join(cases, folder!, file);
    const stem = join(cases, name).replace(/\.\w+$/, '');
    const x = golden(beside('x.npy'));
    const labels = Int32Array.from(numbers(beside('y.npy')));
    const classifier = await open(name, { imageShape: [x.dims[1]!, x.dims[2]!, x.dims[3]!], ...options });
    const { imageShape, classes } = classifier;
    const model = new OnnxModel(baseModel(classifier), imageShape, classes, runtime);
    const streams = Array.from(labels, (_, row) => keyedStream([0, row]));
    const logits = await model.logits(x.data, streams);
    const { gradient } = await model.gradient('ce', { x: x.data, labels }, streams);
    await model.release();
    const gradients = [`${stem}.grad.npy`, `${stem}.gradient.npy`].find(existsSync);
    // float32 against float64: rounding of a few layers, relative to the largest value.
    expect(relativeError(logits, numbers(`${stem}.logits.npy`))).toBeLessThan(1e-5);
    expect(relativeError(gradient, numbers(gradients!))).toBeLessThan(1e-5);
  });

  test.each(Object.entries(READ))('%s is read, and proven', async (name, options) => {
    const { checks } = await prove(name, options);
    expect(checks.length).toBeGreaterThan(3);
  });

  test.each(Object.entries(REFUSED))('%s is refused', async (name, message) => {
    const attempt = prove(name, {});
    await expect(attempt).rejects.toBeInstanceOf(InputError);
    await expect(attempt).rejects.toThrow(message);
  });
});
