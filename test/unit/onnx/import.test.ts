import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeNpy } from '../../../src/numeric/npy.ts';
import { float32, type Tensor } from '../../../src/numeric/tensor.ts';
import type { Model } from '../../../src/onnx/graph.ts';
import { canonicalise } from '../../../src/onnx/passes/canonicalise.ts';
import { importOnnx } from '../../support/import-onnx.ts';
import { describeWithShared } from '../../support/shared.ts';
import { maxDifference, randomTensor, runOrt } from './support/run.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/onnx');
const EXPORTS = ['dynamic.opset16', 'dynamic.opset11', 'frozen1.opset13', 'frozen1.opset9', 'frozen3.opset14'];

function fixture(name: string): Tensor {
  return decodeNpy(readFileSync(join(FIXTURES, name)), name);
}

/** Rows `from` to `to` of a tensor. */
function rows({ dims, data }: Tensor, from: number, to: number): Tensor {
  const [count = 0, ...rest] = dims;
  const size = data.length / count;
  return float32([to - from, ...rest], Float32Array.from((data as Float32Array).subarray(from * size, to * size)));
}

/** The logits of a model whose one input and output are whatever they are called. */
async function logitsOf(model: Model, images: Tensor): Promise<Tensor> {
  const feeds = { [model.graph.inputs[0]!.name]: images };
  const [logits] = Object.values(await runOrt(model, feeds));
  return logits!;
}

describe('importOnnx of what torch exports', () => {
  const images = fixture('images.npy');
  const networks = ['cnn', 'vit'].flatMap((network) => EXPORTS.map((form): [string, string] => [network, form]));

  it.each(networks)('%s.%s gives the logits PyTorch gives, in batches', async (network, form) => {
    const model = await importOnnx(join(FIXTURES, `${network}.${form}.onnx`));
    expect(model.graph.inputs).toMatchObject([{ name: 'images', dims: [{ batch: 1 }, 3, 32, 32] }]);
    expect(model.graph.outputs).toMatchObject([{ name: 'logits', dims: [{ batch: 1 }, 10] }]);
    const expected = fixture(`${network}.logits.npy`);
    expect(maxDifference(await logitsOf(model, images), expected)).toBeLessThan(1e-4);
    expect(maxDifference(await logitsOf(model, rows(images, 1, 2)), rows(expected, 1, 2))).toBeLessThan(1e-4);
  });

  it.each(networks)('%s.%s is canonical afterwards', async (network, form) => {
    const model = await importOnnx(join(FIXTURES, `${network}.${form}.onnx`));
    expect(canonicalise(model)).toEqual(model);
  });

  it('leaves no arithmetic on shapes, and folds every BatchNormalization but the one before its layer', async () => {
    for (const form of EXPORTS) {
      const { graph } = await importOnnx(join(FIXTURES, `cnn.${form}.onnx`));
      const ops = graph.nodes.map(({ op }) => op);
      expect(ops.filter((op) => op === 'BatchNormalization')).toHaveLength(1);
      for (const op of ['Shape', 'Gather', 'Constant', 'Identity', 'Cast', 'Unsqueeze', 'Concat'])
        expect(ops).not.toContain(op);
    }
  });
});

describeWithShared('importOnnx of third-party files', (reference) => {
  const files: [string, readonly number[]][] = [
    ['resnet_2b', [3, 32, 32]],
    ['cifar_base_kw', [3, 32, 32]],
    ['cifar10_small_nhwc', [32, 32, 3]],
    ['convnet_maxpool_28x28x1', [1, 28, 28]],
  ];
  it.each(files)('%s gives the same logits in a batch as the untouched file image by image', async (name, dims) => {
    const path = join(reference, 'onnx', `${name}.onnx`);
    const model = await importOnnx(path);
    expect(model.graph.inputs[0]!.dims).toEqual([{ batch: 1 }, ...dims]);
    const images = randomTensor([20, ...dims], 23);
    const logits = await logitsOf(model, images);
    const untouched = readFileSync(path);
    for (let image = 0; image < 20; image++) {
      const feeds = { [model.graph.inputs[0]!.name]: rows(images, image, image + 1) };
      const [expected] = Object.values(await runOrt(untouched, feeds));
      expect(maxDifference(rows(logits, image, image + 1), expected!)).toBeLessThan(1e-5);
    }
  });
});
