import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../../src/errors.ts';
import { inspectGradients, inspectLogits, requireClasses } from '../../../../src/evaluation/proof/outputs.ts';
import { node } from '../../onnx/support/models.ts';
import { network, proofOf } from './support.ts';

const refused = async (attempt: Promise<unknown>, message: RegExp) => {
  await expect(attempt).rejects.toBeInstanceOf(ModelError);
  await expect(attempt).rejects.toThrow(message);
};

describe('outputs that are no logits', () => {
  it('one output is refused by name, with the way out', () => {
    expect(() => requireClasses(2, 'model.pt')).not.toThrow();
    expect(() => requireClasses(1, 'model.pt')).toThrow(
      /^model\.pt has 1 output: a classifier has one logit a class; of a binary model say what it is, "binary"/,
    );
  });

  it('no numbers are refused', async () => {
    const nan = network([node('Sub', ['h', 'big'], 's'), node('Sqrt', ['s'], 'm')]);
    await refused(proofOf(nan), /^model\.onnx gives no number for any of \d images/);
  });

  it('the same for every image is refused', async () => {
    const constant = network([node('Mul', ['h', 'first_f'], 'z'), node('Add', ['z', 'tiny'], 'm')]);
    const zero = { type: 'float32', dims: [], data: Float32Array.of(0) } as const;
    const initializers = new Map([...constant.graph.initializers, ['first_f', zero] as const]);
    const model = { ...constant, graph: { ...constant.graph, initializers } };
    await refused(proofOf(model), /gives \d different images the same logits: its output does not depend on the image/);
  });

  it('are told apart by the other classes where a softmax is sure of one', () => {
    expect(inspectLogits(Float32Array.of(1, 1e-9, 3e-12, 1, 2e-9, 1e-12), 3, 'm')).toEqual([]);
    expect(() => inspectLogits(Float32Array.of(1, 1e-9, 3e-12, 1, 1e-9, 3e-12), 3, 'm')).toThrow('same logits');
    // No probabilities: they differ by less than rounding does.
    expect(() => inspectLogits(Float32Array.of(2, 1e-9, 3e-12, 2, 2e-9, 1e-12), 3, 'm')).toThrow('same logits');
  });

  it('some that are no numbers are a flag, and so are whole numbers', () => {
    const some = Float32Array.of(1.5, 2, Number.NaN, 1, 0.5, 3);
    expect(inspectLogits(some, 2, 'm').map(({ message }) => message)).toEqual([
      '1 of 3 images have logits that are no numbers',
    ]);
    const votes = Float32Array.of(1, 0, 0, 1, 0, 1);
    expect(inspectLogits(votes, 2, 'm').map(({ code }) => code)).toEqual(['whole-numbers']);
    expect(inspectLogits(Float32Array.of(0.1, 0.9, 0.3, 0.7), 2, 'm')).toEqual([]);
  });
});

describe('gradients', () => {
  const gradients = (...rows: number[][]) => inspectGradients(Float32Array.from(rows.flat()), 2, 'm');

  it('that are no numbers are refused where all are, else a flag', () => {
    expect(() => gradients([Number.NaN, 1], [2, Number.POSITIVE_INFINITY])).toThrow(ModelError);
    expect(gradients([Number.NaN, 1], [2, 3]).map(({ code }) => code)).toEqual(['gradient-not-finite']);
  });

  it('that are zero are a flag where all are', () => {
    expect(gradients([0, 0], [0, 0]).map(({ code }) => code)).toEqual(['gradient-zero']);
    expect(gradients([0, 0], [0, 1])).toEqual([]);
  });

  it('that there are none of are a flag: who needs one is refused by name', async () => {
    const model = network([node('ReduceProd', ['h', 'second'], 'p', { keepdims: 1 }), node('Mul', ['h', 'p'], 'm')]);
    const { notes, checks } = await proofOf(model);
    expect(notes.map(({ code }) => code)).toEqual(['no-gradient']);
    expect(checks.map(({ check }) => check)).toEqual(['optimisation', 'neighbours']);
  });
});
