import { describe, expect, it } from 'vitest';
import { defendedModel } from '../../../../src/defense/defended-model.ts';
import { GraphError, ModelError, RunError } from '../../../../src/errors.ts';
import { OnnxModel } from '../../../../src/evaluation/onnx-model.ts';
import { proveModel } from '../../../../src/evaluation/proof/prove-model.ts';
import { layerOf } from '../../../../src/models/classifier.ts';
import { float32 } from '../../../../src/numeric/tensor.ts';
import { perInput } from '../../../../src/onnx/autodiff/rule.ts';
import { GRADIENT_RULES } from '../../../../src/onnx/autodiff/rule-table.ts';
import type { Node } from '../../../../src/onnx/graph.ts';
import { openClassifier } from '../../../../src/runs/inputs/open-classifier.ts';
import { onnxRuntime } from '../../../../src/runtime/session.ts';
import { PROOF_CHECKS } from '../../../../src/schemas/proof.ts';
import { golden } from '../../../support/golden.ts';
import { node } from '../../onnx/support/models.ts';
import { changed, faulty, network, opened, PLAIN, proofOf } from './support.ts';

const refused = async (attempt: Promise<unknown>, message: RegExp) => {
  await expect(attempt).rejects.toBeInstanceOf(ModelError);
  await expect(attempt).rejects.toThrow(message);
};

const RIGHT = [
  'examples/demo/shapes10-rn18-w8.pt',
  'test/fixtures/onnx/cnn.dynamic.opset16.onnx',
  'test/fixtures/onnx/cnn.frozen3.opset14.onnx',
  'test/fixtures/onnx/vit.frozen1.opset9.onnx',
  'test/fixtures/runtime/pad-maxpool.onnx',
];

describe('a model that computes what it says', () => {
  it.each(RIGHT)('is proven: %s', async (path) => {
    const { imageShape, classes, ...classifier } = await openClassifier({ path });
    const model = new OnnxModel({ ...classifier, smoothing: null }, imageShape, classes, onnxRuntime());
    const { checks, notes, images } = await proveModel(model, { name: path, gradients: true, evaluations: 1e6 });
    await model.release();
    expect(images).toBe(6);
    expect(notes).toEqual([]);
    const found = Object.fromEntries(checks.map(({ check, difference }) => [check, difference]));
    expect(Object.keys(found)).toEqual([...PROOF_CHECKS]);
    for (const check of ['optimisation', 'neighbours', 'gradient session']) expect(found[check]).toBeLessThan(1e-5);
    expect(found['gradient among neighbours']).toBeLessThan(1e-4);
    expect(found['central differences']).toBeLessThan(0.03);
  });

  it('is proven with its defence and its noise, and as a surrogate with another gradient', async () => {
    const classifier = await openClassifier({ path: 'examples/demo/shapes10-rn18-w8.pt' });
    const masks = golden('test/fixtures/shapes10/layer4.masks.npy');
    const layer = layerOf(classifier, 'layer4');
    const variant = { id: 'conf@0.8', mask: { kind: 'confidence', threshold: 0.8 } } as const;
    const smoothing = { samples: 2, sigma: 0.1 };
    for (const more of [{ smoothing }, { smoothing: null, pseudoLabel: 'hard' } as const]) {
      const evaluated = defendedModel(classifier, variant, { layer, masks, temperature: 0.01, ...more });
      const model = new OnnxModel(evaluated, classifier.imageShape, classifier.classes, onnxRuntime());
      const { checks } = await proveModel(model, { name: 'defended', gradients: true, evaluations: 0 });
      await model.release();
      expect(checks.some(({ check }) => check === 'central differences')).toBe(more.smoothing !== null);
    }
  });

  it('is looked at for a second, or for a twentieth of the work: on two images where it is slow', async () => {
    const model = opened(PLAIN);
    // As large as a WideResNet-34-10, on images of ImageNet.
    const slow = {
      ...{
        classes: model.classes,
        imageSize: model.imageSize,
        imageShape: model.imageShape,
        usage: model.usage,
        randomised: false,
        hasOwnGradient: false,
      },
      weights: 46e6 * 49 * (3072 / model.imageSize),
      logits: (...asked: Parameters<OnnxModel['logits']>) => model.logits(...asked),
      gradient: (...asked: Parameters<OnnxModel['gradient']>) => model.gradient(...asked),
      plain: () => undefined,
    };
    const imagesOf = async (evaluations: number) =>
      (await proveModel(slow, { name: 'slow', gradients: false, evaluations })).images;
    expect(await imagesOf(0)).toBe(2);
    expect(await imagesOf(1e5)).toBe(6);
    await model.release();
  });
});

describe('a model that mixes the images of a batch', () => {
  const mixing: [string, Node[]][] = [
    [
      'the mean of the batch is taken off',
      [node('ReduceMean', ['h', 'first'], 'mean'), node('Sub', ['h', 'mean'], 'm')],
    ],
    ['softmax along the batch', [node('Softmax', ['h'], 'm', { axis: 0 })]],
    ['divided by the largest of the batch', [node('ReduceMax', ['h', 'first'], 'top'), node('Div', ['h', 'top'], 'm')]],
  ];
  it.each(mixing)('is refused: %s', async (_, nodes) => {
    await refused(
      proofOf(network(nodes)),
      /^model\.onnx mixes the images of a batch: the logits of an image alone and among others differ by 0?\.?[\d.]+ of their size; export/,
    );
    // Of a frozen batch it is known before: nothing else lies along an axis of a fixed size.
    for (const frozen of [1, 3])
      await expect(proofOf(network(nodes, frozen))).rejects.toThrow(/mixes|depend on each other|batch/);
  });

  it('is refused where only its gradients are mixed', async () => {
    const shifted = faulty(
      (graph) => graph.endsWith(' ce'),
      (outputs) => {
        const gradient = outputs.gradient!;
        const size = gradient.data.length / gradient.dims[0]!;
        return changed(
          outputs,
          'gradient',
          (slope, at) => slope + 0.5 * (gradient.data[(at + size) % gradient.data.length] ?? 0),
        );
      },
    );
    await refused(proofOf(PLAIN, { runtime: shifted }), /the gradient of an image alone and among others differs by/);
  });
});

describe('a gradient that is not that of the loss', () => {
  const WRONG = {
    'Relu lets everything through': { ...GRADIENT_RULES, Relu: perInput(({ dy }) => dy) },
    'Tanh as if it were linear': { ...GRADIENT_RULES, Tanh: perInput(({ dy }) => dy) },
  };
  it.each(Object.entries(WRONG))('is refused: %s', async (_, rules) => {
    await refused(
      proofOf(PLAIN, { rules }),
      /gradient and central differences of its loss differ by 0\.\d+ of its norm in the median of \d+ directions/,
    );
  });

  it('is not looked for where gradients are not used', async () => {
    const { checks } = await proofOf(PLAIN, { rules: WRONG['Relu lets everything through'] }, { gradients: false });
    expect(checks.map(({ check }) => check)).toEqual(['optimisation', 'neighbours']);
  });

  it.each([9, 12, 16, 20, 24, 28])(
    'is not refused where probabilities are sure to the last bit: softmax of %i z',
    async (scale) => {
      const { graph, ...rest } = PLAIN;
      const sure = {
        ...rest,
        graph: {
          ...graph,
          initializers: new Map([...graph.initializers, ['scale', float32([], [scale])]]),
          nodes: [...graph.nodes, node('Mul', ['logits', 'scale'], 's'), node('Softmax', ['s'], 'p')],
          outputs: [{ ...graph.outputs[0]!, name: 'p' }],
        },
      };
      await expect(proofOf(sure)).resolves.toBeDefined();
    },
  );

  it('is a flag where the loss is too rough to compare it with', async () => {
    const rough = network([node('Mul', ['h', 'big'], 's'), node('Sin', ['s'], 'm')]);
    const { notes } = await proofOf(rough);
    expect(notes.map(({ code }) => code)).toContain('gradient-not-compared');
  });
});

describe("an optimiser's fault", () => {
  const off = (by: number) => (value: number, at: number) => (at === 1 ? value * (1 + by) : value);

  it('is refused in every session of a runtime', async () => {
    const runtime = faulty(
      () => true,
      (outputs) => changed(outputs, 'logits', off(0.01)),
    );
    await refused(
      proofOf(PLAIN, { runtime }),
      /by the session in use and by one on the CPU that optimises nothing differ by 0\.00\d+ of/,
    );
  });

  it('is refused in the session of a gradient alone', async () => {
    const runtime = faulty(
      (graph) => graph.endsWith(' ce'),
      (outputs) => changed(outputs, 'logits', off(0.01)),
    );
    await refused(proofOf(PLAIN, { runtime }), /its logits with the gradient of ce and without differ by 0\.0/);
  });

  it('is refused in the session of any loss, when it is first used', async () => {
    const runtime = faulty(
      (graph) => graph.endsWith(' cw'),
      (outputs) => changed(outputs, 'logits', off(0.01)),
    );
    const model = opened(PLAIN, { runtime });
    await proveModel(model, { name: 'model.onnx', gradients: true, evaluations: 0 });
    const x = new Float32Array(2 * model.imageSize).fill(0.3);
    const ask = (loss: 'cw' | 'ce') => model.gradient(loss, { x, labels: Int32Array.of(0, 1) }, []);
    await expect(ask('ce')).resolves.toBeDefined();
    await refused(ask('cw'), /its logits with the gradient of cw and without differ by 0\.0/);
    await model.release();
  });
});

describe('a model that onnxruntime does not load', () => {
  const odd = network([node('Relu', ['h'], 'm', { odd: 1 })]);

  it('is bad input, by the name of its file and on one line', async () => {
    const attempt = proofOf(odd);
    await expect(attempt).rejects.toBeInstanceOf(GraphError);
    await expect(attempt).rejects.toThrow(
      /^onnxruntime could not load graph "model\.onnx": .*Unrecognized attribute: odd.*; export it with another opset_version/,
    );
  });

  it('is another matter where memory is lacking', async () => {
    const huge = network([node('Relu', ['h'], 'm', { 'alloc of std::bad_alloc': 1 })]);
    await expect(proofOf(huge)).rejects.toBeInstanceOf(RunError);
  });
});
