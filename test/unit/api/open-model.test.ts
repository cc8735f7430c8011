import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GraphError, gradientModel, InputError, type OpenModel, onnxRuntime, openModel } from '../../../src/index.ts';
import { golden, largestError, rowErrors } from '../../support/golden.ts';
import { CHECKPOINT, demoModel, expectRefusal, fixture, testImages } from './support.ts';

const IMAGES = 16;

let model: OpenModel;
let images: Float32Array;
let labels: Int32Array;
beforeAll(async () => {
  model = await demoModel();
  ({ images, labels } = await testImages(IMAGES));
});
afterAll(() => model.release());

describe('openModel', () => {
  test('says what the model is', () => {
    expect(model).toMatchObject({ classes: 10, imageShape: [3, 32, 32], randomised: false, notes: expect.any(Array) });
    expect(model.architecture).toBe('CIFAR ResNet-18, width 8');
    expect(model.layers).toContainEqual({ name: 'layer3', units: 32, dims: [32, 8, 8], axis: 0 });
  });

  test('opens an .onnx by path and by bytes, frozen to one image or not, with the logits of PyTorch', async () => {
    const x = golden('test/fixtures/onnx/images.npy').data;
    const expected = golden('test/fixtures/onnx/cnn.logits.npy').data;
    for (const name of ['cnn.dynamic.opset16', 'cnn.frozen1.opset13']) {
      const path = `test/fixtures/onnx/${name}.onnx`;
      for (const source of [path, new Uint8Array(readFileSync(path))]) {
        await using onnx = await openModel(source);
        expect(largestError(await onnx.logits(x), expected)).toBeLessThan(1e-4);
      }
    }
  });

  test.each([
    ['a file that is not there', 'missing.pt', {}, /missing\.pt: no such file/],
    ['bytes that are no ONNX', new Uint8Array(9), {}, /is not an ONNX model/],
    ['half of a normalisation', CHECKPOINT, { normalize: { mean: [0, 0, 0], std: [1, 1, 0] } }, /normalize\.std/],
    [
      'the normalisation of another number of channels',
      CHECKPOINT,
      { normalize: { mean: [0], std: [1] } },
      /1 channels/,
    ],
    ['no threads', CHECKPOINT, { threads: 0 }, /openModel: threads/],
    ['threads for somebody else’s runtime', CHECKPOINT, { threads: 1, runtime: onnxRuntime() }, /"runtime"/],
  ] as const)('refuses %s', (_, source, options, message) => expectRefusal(() => openModel(source, options), message));

  test('refuses what TypeScript would', async () => {
    const open = () => Reflect.apply(openModel, undefined, [CHECKPOINT, { thread: 2 }]);
    await expectRefusal(open, /no option "thread"; it has normalize/);
  });
});

describe('logits', () => {
  test('are those of PyTorch within 1e-4', async () => {
    expect(largestError(await model.logits(images), fixture('base.logits'))).toBeLessThan(1e-4);
  });

  test('do not depend on how images are cut into batches', async () => {
    const whole = await model.logits(images);
    const cut = fc.record({ count: fc.integer({ min: 0, max: IMAGES }), batchSize: fc.integer({ min: 1, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(cut, async ({ count, batchSize }) => {
        const logits = await model.logits(images.subarray(0, count * 3072), { batchSize });
        expect(logits).toHaveLength(count * 10);
        if (count > 0) expect(largestError(logits, whole.subarray(0, count * 10))).toBeLessThan(1e-6);
      }),
      { numRuns: 15 },
    );
  });

  test('refuse images that are none', async () => {
    await expectRefusal(() => model.logits(images.subarray(1)), /49151 numbers, no whole number of images of 3072/);
    await expectRefusal(() => model.logits(images, { indices: [0, 1] }), /indices are 2 for 16 images/);
    await expectRefusal(() => model.logits(images, { batchSize: 0 }), /batchSize is 0/);
  });
});

describe('gradient', () => {
  const [size, count] = [3072, 4];
  const ask = (more: object) =>
    model.gradient({ x: images.subarray(0, count * size), labels: labels.slice(0, count), ...more });

  test('of cross-entropy is that of PyTorch', async () => {
    const { loss, logits, gradient } = await ask({ batchSize: 3 });
    expect(largestError(logits, fixture('base.logits').subarray(0, 40))).toBeLessThan(1e-4);
    expect(Math.max(...rowErrors(gradient, fixture('base.gradient'), count))).toBeLessThan(1e-3);
    const expected = [...labels.subarray(0, count)].map((label, i) => {
      const row = logits.subarray(10 * i, 10 * i + 10);
      return Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - row[label]!;
    });
    expect(largestError(loss, Float32Array.from(expected))).toBeLessThan(1e-5);
  });

  test('of a targeted loss is the difference of two logits’', async () => {
    const { loss, logits } = await ask({ loss: 'difference', targets: [0, 0, 0, 0] });
    const expected = [0, 1, 2, 3].map((i) => logits[10 * i]! - logits[10 * i + labels[i]!]!);
    expect(largestError(loss, Float32Array.from(expected))).toBeLessThan(1e-6);
  });

  test.each([
    ['another number of labels', { labels: [1] }, /labels are 1 for 4 images/],
    ['a label that is no class', { labels: [0, 1, 10, 2] }, /labels\[2\] is 10: give whole numbers from 0 to 9/],
    ['an unknown loss', { loss: 'hinge' }, /loss is "hinge": give one of ce, dlr/],
    ['a targeted loss without targets', { loss: 'dlr-targeted' }, /needs targets/],
    ['targets that nobody asked for', { targets: [0, 0, 0, 0] }, /the loss ce takes no targets/],
    [
      'weights of a wrong length',
      { loss: 'gama', references: new Float32Array(40), weights: new Float32Array(3) },
      /weights/,
    ],
  ])('refuses %s', (_, more, message) => expectRefusal(() => ask(more), message));
});

describe('release', () => {
  test('waits for what is in hand, and refuses what comes after', async () => {
    const other = await demoModel();
    const logits = other.logits(images);
    await Promise.all([other.release(), other.release()]);
    expect(largestError(await logits, fixture('base.logits'))).toBeLessThan(1e-4);
    await expectRefusal(() => other.logits(images), /was released/);
  });

  test('is what a block does at its end', async () => {
    let kept: OpenModel;
    {
      await using inner = await demoModel();
      kept = inner;
      await inner.logits(images);
    }
    await expect(kept.logits(images)).rejects.toThrow(InputError);
  });

  test('lets go of the sessions there are where one could not be made', async () => {
    const released: string[] = [];
    const real = onnxRuntime({ threads: 1 });
    const other = await openModel(CHECKPOINT, {
      runtime: {
        ...real,
        createSession: async (graph) => {
          if (graph.graph.outputs.length > 1) throw new GraphError('no gradients today');
          const session = await real.createSession(graph);
          const release = async () => void released.push(graph.graph.name);
          return { run: session.run.bind(session), usage: session.usage, release };
        },
      },
    });
    await other.logits(images);
    await expect(other.gradient({ x: images, labels })).rejects.toThrow('no gradients today');
    await other.release();
    expect(released).toHaveLength(1);
  });
});

describe('gradientModel', () => {
  test('gives the vector-Jacobian product under fixed names', async () => {
    const bytes = await gradientModel(model);
    const { InferenceSession, Tensor } = await import('onnxruntime-node');
    const session = await InferenceSession.create(bytes);
    expect(session.inputNames).toEqual(['x', 'cotangent']);
    expect(session.outputNames).toEqual(['logits', 'gradient']);
    const count = 4;
    const cotangent = new Float32Array(count * 10);
    const reference = fixture('base.logits');
    for (let i = 0; i < count; i++) {
      const row = reference.subarray(10 * i, 10 * i + 10);
      const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
      for (const [c, z] of row.entries()) cotangent[10 * i + c] = Math.exp(z) / total - Number(labels[i] === c);
    }
    const outputs = await session.run({
      x: new Tensor('float32', images.slice(0, count * 3072), [count, 3, 32, 32]),
      cotangent: new Tensor('float32', cotangent, [count, 10]),
    });
    await session.release();
    const { data: gradient } = outputs.gradient ?? {};
    expect(Math.max(...rowErrors(gradient as Float32Array, fixture('base.gradient'), count))).toBeLessThan(1e-3);
  });

  test('is the same from an open model and from its file, and leaves the model open', async () => {
    expect(Buffer.compare(await gradientModel(CHECKPOINT), await gradientModel(model))).toBe(0);
    expect(await model.logits(images)).toHaveLength(160);
  });

  test('refuses to open what is open', async () => {
    await expectRefusal(() => gradientModel(model, { layout: 'NHWC' }), /open already/);
  });
});
